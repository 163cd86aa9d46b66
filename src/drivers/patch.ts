/** Replacing methods of a driver, and putting them back. */

/** Puts back what was patched. */
export type Undo = () => void;

// State hangs on globals by name: two copies of this package must not hook one driver twice.
const PATCHED: unique symbol = Symbol.for('hyperdjango.driver.patched@0') as never;

/**
 * The driver's own class, at the end of the chain: a hook on a subclass as well would count twice,
 * and a subclass may give the method another form.
 */
export function rootOf<T extends object>(prototype: T, method: keyof T): T {
  let root = prototype;
  let next: T | null = prototype;
  while (next !== null) {
    if (Object.hasOwn(next, method)) root = next;
    next = Object.getPrototypeOf(next) as T | null;
  }
  return root;
}

/** A second call for one prototype does nothing. */
export function patchOnce(prototype: object, patch: () => Undo[]): void {
  if (Object.hasOwn(prototype, PATCHED)) return;
  Object.defineProperty(prototype, PATCHED, { value: patch(), configurable: true });
}

/** @returns whether there was anything to put back. */
export function unpatch(prototype: object): boolean {
  const patched = prototype as { [PATCHED]?: Undo[] };
  if (!Object.hasOwn(patched, PATCHED)) return false;
  for (const undo of patched[PATCHED] ?? []) undo();
  delete patched[PATCHED];
  return true;
}

/** Replaces a method by one of the same name and length. */
export function replaceMethod<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): Undo {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const original = target[name];
  const replacement = make(original);
  const { length } = original as { readonly length: number };
  Object.defineProperties(replacement, {
    name: { value: (original as { readonly name?: string }).name ?? name, configurable: true },
    length: { value: length, configurable: true },
  });
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value: replacement,
  });
  return () => {
    if (own === undefined) delete target[name];
    else Object.defineProperty(target, name, own);
  };
}
