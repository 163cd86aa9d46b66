/** The dashboard: its data, its HTTP handler, and who may see it. */
export type { Authorize, ClientSocket } from './auth.ts';
export type {
  DashboardData,
  DashboardSource,
  DashboardStatus,
  NPlusOneRow,
  PoolRow,
  RequestRow,
  SlowQueryRow,
  StatementRow,
  StatsJson,
} from './data.ts';
export {
  createDashboardHandler,
  type DashboardHandler,
  type DashboardHandlerOptions,
} from './handler.ts';
