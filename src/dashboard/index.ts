/** The dashboard: its data, its HTTP handler, and who may see it. */
export type { Authorize, ClientSocket } from './auth.ts';
export type {
  DashboardData,
  DashboardSource,
  EndedSums,
  FailedQueryRow,
  InFlightRow,
  NPlusOneRow,
  PoolRow,
  RequestRow,
  SlowQueryRow,
  StatementRow,
  StatsJson,
  StatsScope,
  ThreadRow,
} from './data.ts';
export { checkDashboardPath, createDashboardHandler, type DashboardHandler } from './handler.ts';
export { isLocalVisit, serveDashboard } from './node.ts';
