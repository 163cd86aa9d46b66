/** The memory of processes, as others read it: running, stopped in their tracks, or dead. */
export { cutName, cutPlace, hashOf, nameApart } from './app-name.ts';
export { HostReader, type HostSnapshot } from './host.ts';
export { type EndedQueryRow, endedQueriesOf, failedQueriesOf } from './ended-queries.ts';
export { type LastQuery, type OpenQuery, type OpenRequest, openWorkOf } from './in-flight.ts';
export {
  type MergedFinding,
  type MergedPool,
  type MergedRoute,
  type MergedSnapshot,
  type MergedStatement,
} from './merge.ts';
export { type ProcessSnapshot, STUCK_NS } from './process-snapshot.ts';
export { reap } from './reaper.ts';
export { SnapshotSource } from './snapshot-source.ts';
export { adviceOnDriver, adviceOnOrm, bitOfDriver, bitOfOrm } from './unseen.ts';
