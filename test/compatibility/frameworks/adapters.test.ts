import { describeFramework } from '../../frameworks/support/cases.ts';
import { frameworks } from './all.ts';

for (const framework of frameworks) describeFramework(framework, { name: '' });
