import { PrismaPg } from '@prisma/adapter-pg';

import { opener } from '../prisma.mjs';
import { PrismaClient } from './generated/client.ts';

export const open = opener(PrismaClient, PrismaPg);
