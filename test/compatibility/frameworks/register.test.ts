import { describeRegistered } from '../../frameworks/support/registered.ts';
import { frameworks } from './all.ts';

describeRegistered(frameworks);
