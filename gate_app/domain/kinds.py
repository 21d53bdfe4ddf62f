"""Kinds of files that rules may name, and of which those that say how deployments go are warned of (case 87)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "dependencies": (
            *("**/package.json", "**/package-lock.json", "**/npm-shrinkwrap.json", "**/yarn.lock"),
            *("**/pnpm-lock.yaml", "**/bun.lock", "**/pyproject.toml", "**/setup.py", "**/setup.cfg"),
            *("**/*requirements*.txt", "**/poetry.lock", "**/uv.lock", "**/pdm.lock", "**/Pipfile*"),
            *("**/go.mod", "**/go.sum", "**/Cargo.toml", "**/Cargo.lock", "**/Gemfile*", "**/*.gemspec"),
            *("**/composer.json", "**/composer.lock", "**/pom.xml", "**/*.gradle*", "**/gradle.lockfile"),
            *("**/*.csproj", "**/packages.lock.json", "**/mix.exs", "**/mix.lock", "**/Package.swift"),
            *("**/Dockerfile*", "**/.gitmodules", "**/flake.lock", "**/*.terraform.lock.hcl"),
        ),
        "workflows": (".github/workflows/**", ".github/actions/**", "**/action.yml", "**/action.yaml"),
        "policy": (".github/gate.yml", ".github/gate*.yml", "**/CODEOWNERS"),
    }
)
"""Kinds of changes that rules may name, by the files that they are in."""

GOVERNING: Final = (*KINDS["policy"], *KINDS["workflows"])
"""Files that say who has to approve what, or what deploys it."""
