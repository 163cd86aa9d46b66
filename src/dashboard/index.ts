/** The dashboard: its data, its HTTP handler, and who may see it. */
export type { Authorize, ClientSocket } from './auth.ts';
export type {
  DashboardData,
  DashboardSource,
  DashboardStatus,
  NPlusOneRow,
  RequestRow,
  StatementRow,
  StatsJson,
  StatsScope,
} from './data.ts';
export { createDashboardHandler, type DashboardHandler } from './handler.ts';
export { isLocalVisit, serveDashboard } from './node.ts';
