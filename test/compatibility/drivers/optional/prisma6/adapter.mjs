export { PrismaPg } from '@prisma/adapter-pg';
