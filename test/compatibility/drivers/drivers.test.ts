import { LIBRARIES } from './libraries.ts';
import { proveRows } from './rows.ts';

proveRows('drivers', LIBRARIES);
