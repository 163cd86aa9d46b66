/** The cases for a client of any version of Prisma on `pg`. */
export function opener(PrismaClient, PrismaPg) {
  return async function open({ url, max, ...options }) {
    const prisma = new PrismaClient({
      adapter: new PrismaPg({ connectionString: url, max, ...options }),
    });
    // Nobody but who makes a client can reach its class.
    globalThis.recording?.instrument(prisma);
    return {
      one: async (n) => (await prisma.$queryRaw`SELECT ${n}::int AS n`)[0].n,
      async findItem(id) {
        return prisma.item.findFirst({ where: { id } });
      },
      below: (id) => prisma.item.findMany({ where: { id: { lt: id } } }),
      sleep: (seconds) => prisma.$executeRaw`SELECT pg_sleep(${seconds})`,
      fail: () => prisma.$queryRaw`SELECT 1 / ${0}::int AS failed`,
      inTransaction: (n) =>
        prisma.$transaction(async (tx) => (await tx.$queryRaw`SELECT ${n}::int AS n`)[0].n, {
          maxWait: 20_000,
        }),
      sites: {
        async rawQuery() {
          return prisma.$queryRaw`SELECT 1 AS raw`;
        },
        async countItems() {
          return prisma.item.count();
        },
      },
      close: () => prisma.$disconnect(),
    };
  };
}
