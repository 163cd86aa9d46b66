import { PrismaPg } from '@prisma/adapter-pg';

import { opener } from '../prisma.mjs';
import { PrismaClient } from './generated/index.js';

export const open = opener(PrismaClient, PrismaPg);
