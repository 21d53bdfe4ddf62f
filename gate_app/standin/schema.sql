-- The tables of the stand-in. Times are text in ISO 8601, booleans are 0 or 1; what the records call a
-- dict or a list is JSON. Every table has its own sequence of ids, see schema.py.

CREATE TABLE settings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL
);

CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  facts TEXT NOT NULL
);

CREATE TABLE people (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  login TEXT NOT NULL COLLATE NOCASE,
  type TEXT NOT NULL,
  name TEXT,
  email TEXT,
  deleted INTEGER NOT NULL DEFAULT 0,
  suspended INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX people_login ON people (login) WHERE deleted = 0;

CREATE TABLE teams (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL,
  slug TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL,
  parent_id INTEGER,
  created_at TEXT NOT NULL,
  UNIQUE (organization_id, slug)
);

CREATE TABLE members (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL,
  person_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  UNIQUE (organization_id, person_id)
);

CREATE TABLE team_roles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id INTEGER NOT NULL,
  repository_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  UNIQUE (team_id, repository_id)
);

CREATE TABLE memberships (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id INTEGER NOT NULL,
  person_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  role TEXT NOT NULL,
  UNIQUE (team_id, person_id)
);

CREATE TABLE apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  owner_id INTEGER NOT NULL,
  bot_id INTEGER NOT NULL,
  public_key TEXT,
  webhook_url TEXT,
  webhook_secret TEXT,
  permissions TEXT NOT NULL,
  events TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE installations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  permissions TEXT NOT NULL,
  events TEXT NOT NULL,
  repository_ids TEXT,
  suspended_by_id INTEGER,
  suspended_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (app_id, account_id)
);

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE,
  installation_id INTEGER NOT NULL,
  repository_ids TEXT,
  permissions TEXT NOT NULL,
  expires_at TEXT NOT NULL
);

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner_id INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  private INTEGER NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0,
  fork_of INTEGER,
  default_branch TEXT NOT NULL,
  created_at TEXT NOT NULL,
  pushed_at TEXT NOT NULL,
  UNIQUE (owner_id, name)
);

CREATE TABLE redirects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner_id INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  repository_id INTEGER NOT NULL
);

CREATE TABLE identities (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  email TEXT NOT NULL COLLATE NOCASE,
  login TEXT,
  UNIQUE (repository_id, email)
);

CREATE TABLE collaborators (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  person_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  UNIQUE (repository_id, person_id)
);

CREATE TABLE pulls (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT,
  author_id INTEGER NOT NULL,
  head_repository_id INTEGER NOT NULL,
  head_ref TEXT NOT NULL,
  head_sha TEXT NOT NULL,
  base_ref TEXT NOT NULL,
  base_sha TEXT NOT NULL,
  merged INTEGER NOT NULL DEFAULT 0,
  merged_by_id INTEGER,
  merge_commit_sha TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  closed_at TEXT,
  merged_at TEXT,
  UNIQUE (repository_id, number)
);

CREATE TABLE pull_commits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pull_id INTEGER NOT NULL,
  sha TEXT NOT NULL,
  UNIQUE (pull_id, sha)
);
CREATE INDEX pull_commits_sha ON pull_commits (sha);

CREATE TABLE pull_labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pull_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (pull_id, name)
);

CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  app_id INTEGER,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX comments_number ON comments (repository_id, number);

CREATE TABLE issues (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  author_id INTEGER NOT NULL,
  app_id INTEGER,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  closed_at TEXT,
  closed_by_id INTEGER,
  UNIQUE (repository_id, number)
);

CREATE TABLE issue_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  event TEXT NOT NULL,
  actor_id INTEGER NOT NULL,
  commit_id TEXT,
  created_at TEXT NOT NULL
);
CREATE INDEX issue_events_pull ON issue_events (repository_id, number);

CREATE TABLE pushes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  ref TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  kind TEXT NOT NULL,
  actor_id INTEGER NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX pushes_of_ref ON pushes (repository_id, ref);

CREATE TABLE reactions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  comment_id INTEGER NOT NULL,
  person_id INTEGER NOT NULL,
  content TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (comment_id, person_id, content)
);

CREATE TABLE check_suites (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  app_id INTEGER NOT NULL,
  head_sha TEXT NOT NULL,
  head_branch TEXT,
  before TEXT,
  status TEXT NOT NULL,
  conclusion TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX check_suites_sha ON check_suites (repository_id, head_sha);

CREATE TABLE check_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  suite_id INTEGER NOT NULL,
  app_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  head_sha TEXT NOT NULL,
  external_id TEXT NOT NULL,
  details_url TEXT,
  status TEXT NOT NULL,
  conclusion TEXT,
  started_at TEXT NOT NULL,
  completed_at TEXT,
  title TEXT,
  summary TEXT,
  text TEXT,
  actions TEXT NOT NULL
);
CREATE INDEX check_runs_sha ON check_runs (repository_id, head_sha);
CREATE INDEX check_runs_suite ON check_runs (suite_id);

CREATE TABLE annotations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  check_run_id INTEGER NOT NULL,
  facts TEXT NOT NULL
);
CREATE INDEX annotations_run ON annotations (check_run_id);

CREATE TABLE statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  sha TEXT NOT NULL,
  context TEXT NOT NULL COLLATE NOCASE,
  state TEXT NOT NULL,
  description TEXT,
  target_url TEXT,
  creator_id INTEGER NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX statuses_sha ON statuses (repository_id, sha);

CREATE TABLE required_checks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  branch TEXT NOT NULL,
  source TEXT NOT NULL,
  context TEXT NOT NULL,
  app_id INTEGER,
  UNIQUE (repository_id, branch, source, context)
);

CREATE TABLE workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (repository_id, path)
);

CREATE TABLE workflow_scripts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  file_name TEXT NOT NULL,
  scripts TEXT NOT NULL,
  UNIQUE (repository_id, file_name)
);

CREATE TABLE workflow_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  workflow_id INTEGER NOT NULL,
  suite_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  name TEXT NOT NULL,
  head_branch TEXT NOT NULL,
  head_sha TEXT NOT NULL,
  inputs TEXT NOT NULL,
  script TEXT NOT NULL,
  actor_id INTEGER NOT NULL,
  triggering_actor_id INTEGER NOT NULL,
  status TEXT NOT NULL,
  conclusion TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX workflow_runs_sha ON workflow_runs (repository_id, head_sha);
CREATE INDEX workflow_runs_status ON workflow_runs (status);

CREATE TABLE workflow_attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  conclusion TEXT,
  triggering_actor_id INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (run_id, number)
);

CREATE TABLE workflow_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  environment TEXT,
  deployment_id INTEGER
);
CREATE INDEX workflow_jobs_run ON workflow_jobs (run_id);

CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  content BLOB NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX artifacts_run ON artifacts (run_id);

CREATE TABLE download_tickets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  artifact_id INTEGER NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  expires_at TEXT NOT NULL
);

CREATE TABLE environments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  created_at TEXT NOT NULL,
  UNIQUE (repository_id, name)
);

CREATE TABLE protection_rules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  environment_id INTEGER NOT NULL,
  app_id INTEGER NOT NULL,
  UNIQUE (environment_id, app_id)
);

CREATE TABLE rule_reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  environment TEXT NOT NULL COLLATE NOCASE,
  app_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  comment TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX rule_reviews_run ON rule_reviews (run_id);

CREATE TABLE deployments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL,
  sha TEXT NOT NULL,
  ref TEXT NOT NULL,
  task TEXT NOT NULL,
  environment TEXT NOT NULL COLLATE NOCASE,
  description TEXT,
  payload TEXT NOT NULL,
  transient_environment INTEGER NOT NULL,
  production_environment INTEGER NOT NULL,
  creator_id INTEGER NOT NULL,
  app_id INTEGER,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

CREATE TABLE deployment_statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  description TEXT NOT NULL,
  environment TEXT NOT NULL,
  target_url TEXT NOT NULL,
  log_url TEXT NOT NULL,
  environment_url TEXT NOT NULL,
  creator_id INTEGER NOT NULL,
  app_id INTEGER,
  created_at TEXT NOT NULL
);
CREATE INDEX deployment_statuses_deployment ON deployment_statuses (deployment_id);

CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  guid TEXT NOT NULL,
  app_id INTEGER NOT NULL,
  installation_id INTEGER NOT NULL,
  repository_id INTEGER,
  event TEXT NOT NULL,
  action TEXT,
  body BLOB NOT NULL,
  redelivery INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 1,
  status TEXT NOT NULL DEFAULT 'pending',
  status_code INTEGER NOT NULL DEFAULT 0,
  duration REAL NOT NULL DEFAULT 0,
  delivered_at TEXT NOT NULL,
  response_headers TEXT NOT NULL DEFAULT '{}',
  response_body TEXT
);
CREATE INDEX deliveries_pending ON deliveries (pending) WHERE pending = 1;

CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  query TEXT NOT NULL,
  identity TEXT NOT NULL,
  permissions TEXT NOT NULL,
  api_version TEXT,
  status INTEGER NOT NULL,
  fault TEXT
);

CREATE TABLE usage (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  identity TEXT NOT NULL,
  hour INTEGER NOT NULL,
  used INTEGER NOT NULL,
  UNIQUE (identity, hour)
);

CREATE TABLE faults (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  method TEXT NOT NULL,
  path_regex TEXT NOT NULL,
  skip INTEGER NOT NULL,
  remaining INTEGER NOT NULL,
  kind TEXT NOT NULL,
  seconds INTEGER NOT NULL
);
