/**
 * Hooks on database drivers. With a `PerformanceMiddleware` or a `Database` in use they
 * are set by themselves; call {@link instrument} for a driver that a bundler has inlined.
 *
 * @module
 */
export { instrument, instrumentImports, instrumentLoaded, uninstrument } from './instrument.ts';
