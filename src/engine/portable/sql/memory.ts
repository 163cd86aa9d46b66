/**
 * Where a statement of the usual length lies while it is read: one array for the life of the
 * module, so that V8 writes its address and length into the code that reads it. It holds one
 * statement at a time.
 */
export const MEMORY: Uint8Array = new Uint8Array(1 << 16);
