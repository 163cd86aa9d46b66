/** The web application. */
export { type Handler, type Hook, HyperApp, type ListeningApp, type ListenOptions } from './app.ts';
export type { RouteDecorator } from './route-decorator.ts';
