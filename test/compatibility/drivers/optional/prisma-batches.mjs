// What Prisma puts together is told in the scope and as the model of each: prints who has what.
import process from 'node:process';

const [version, url] = process.argv.slice(2);
const { PrismaPg } = await import(version === '6' ? './prisma6/adapter.mjs' : '@prisma/adapter-pg');
const { PrismaClient } = await import(
  version === '6' ? './prisma6/generated/index.js' : './prisma7/generated/client.ts'
);
const { recorder, ended, instrument } = globalThis.recording;
const REQUESTS = 200;

const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: url, max: 5 }),
  transactionOptions: { maxWait: 60_000, timeout: 60_000 },
});
instrument(prisma);

async function inScope(name, work) {
  const scope = recorder.openScope('job', name);
  try {
    return await recorder.runIn(scope, async () => await work());
  } finally {
    recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  }
}

/** Who asks for each of the first three. */
const eachOfThree = (ask) => Promise.all([1, 2, 3].map((id) => inScope(`of ${id}`, () => ask(id))));

const told = {};
async function tell(label, work) {
  const first = ended.length;
  await work();
  told[label] = ended
    .slice(first)
    .map(({ scope, model, servedCount, text }) =>
      [scope, model, servedCount, /^\w+/.exec(text)?.[0]].join(' '),
    );
}

// Opens the connections.
await Promise.all(Array.from({ length: 5 }, () => prisma.$executeRaw`SELECT pg_sleep(0.01)`));
await tell('one statement for all', () =>
  eachOfThree((id) => prisma.item.findUnique({ where: { id } })),
);
await tell('a statement each', () =>
  eachOfThree((id) => prisma.item.findUnique({ where: { id, name: { contains: 'item' } } })),
);
await tell('other models', () =>
  Promise.all([
    inScope('of the item', () => prisma.item.findUnique({ where: { id: 1 } })),
    inScope('of the note', () => prisma.note.findUnique({ where: { id: 1 } })),
  ]),
);
await tell('with one that is in no scope', () =>
  Promise.all([
    prisma.item.findUnique({ where: { id: 4 } }),
    inScope('of one', () => prisma.item.findUnique({ where: { id: 1 } })),
  ]),
);
await tell('a transaction', () =>
  inScope('of it', () =>
    prisma.$transaction([
      prisma.item.findFirst({ where: { id: 1 } }),
      prisma.note.findMany(),
      prisma.$queryRaw`SELECT 1`,
      prisma.item.update({ where: { id: 1 }, data: { name: 'item 1' } }),
    ]),
  ),
);
await tell('a transaction that fails', async () => {
  const failing = inScope('of it', () =>
    prisma.$transaction([prisma.note.findMany(), prisma.$queryRaw`SELECT 1 / 0`]),
  );
  await failing.catch(() => {});
});
await tell('a transaction with a function', () =>
  inScope('of it', () =>
    prisma.$transaction((tx) =>
      Promise.all([tx.item.findMany({ where: { id: 1 } }), tx.note.findMany()]),
    ),
  ),
);

const first = ended.length;
const results = await Promise.all(
  Array.from({ length: REQUESTS }, (_, index) => {
    const id = index + 1;
    return inScope(`of ${id}`, async () => {
      const where = { id };
      await prisma.item.findUnique({ where });
      await prisma.item.findUnique({ where: { id, name: { not: 'none' } } });
      await prisma.$transaction([
        prisma.note.findFirst({ where }),
        prisma.item.findFirst({ where }),
      ]);
      return prisma.$transaction(async (tx) => (await tx.item.findFirst({ where }))?.id);
    });
  }),
);
const busy = ended.slice(first).filter(({ text }) => /^SELECT/.test(text));
const own = busy.filter(({ servedCount }) => servedCount === 1);
const wrong = own.filter(
  ({ scope, model, values, text }) =>
    scope !== `of ${Number(values[0])}` || model !== (/notes/.test(text) ? 'Note' : 'Item'),
);
const isRight = results.every((id, index) => id === index + 1);
await prisma.$disconnect();
console.log(
  JSON.stringify({
    told,
    busy: { own: own.length, wrong: wrong.length, example: wrong[0], isRight },
    faults: recorder.faultCount,
  }),
);
process.exit(0);
