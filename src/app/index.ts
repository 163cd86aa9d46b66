/** The web application. */
export { type Hook, HyperApp, type ListeningApp, type ListenOptions } from './app.ts';
export type { Handler, RouteDecorator } from './route-decorator.ts';
