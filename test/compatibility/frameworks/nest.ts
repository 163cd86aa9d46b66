import 'reflect-metadata';
import type { Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

import {
  Controller,
  Get,
  type INestApplication,
  Module,
  Param,
  Post,
  Redirect,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { performance } from '../../../src/frameworks/nest.ts';
import { profileHandler } from '../../../src/profiling/index.ts';
import type { Framework, Program } from '../../frameworks/support/program.ts';

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

/** The decorators are called by hand: no compiler's dialect of them is taken for granted. */
function createModule(program: Program): new () => object {
  class Routes {
    async hello(name: string): Promise<string> {
      return `hello ${await program.query(name)}`;
    }
    async echo(name: string, request: AsyncIterable<Buffer> & { body?: unknown }): Promise<string> {
      let length = Buffer.isBuffer(request.body) ? request.body.length : 0;
      if (length === 0) for await (const chunk of request) length += chunk.length;
      return `${await program.query(name)} ${length}`;
    }
    throws(): never {
      throw new Error('thrown');
    }
    async rejects(name: string): Promise<never> {
      throw new Error(await program.query(name));
    }
    moved(): void {}
    stream(name: string): StreamableFile {
      return new StreamableFile(Readable.from(program.pieces(name)));
    }
    async raw(name: string, reply: ServerResponse | FastifyReply): Promise<void> {
      if ('hijack' in reply) reply.hijack();
      const response = 'raw' in reply ? reply.raw : reply;
      const text = await program.query(name);
      response.writeHead(200, ['Content-Type', 'text/plain', 'X-Own', 'first', 'X-Own', 'second']);
      response.end(text);
    }
    async waits(name: string): Promise<string> {
      return program.wait(name);
    }
    async work(name: string): Promise<string> {
      return program.work(name);
    }
    async nested(name: string): Promise<string> {
      return program.query(name);
    }
    async profiled(name: string): Promise<string> {
      return program.query(name);
    }
  }
  type Method = keyof Routes & string;
  const paths: Readonly<Record<Method, string>> = {
    hello: 'hello/:name',
    echo: 'echo/:name',
    throws: 'throws',
    rejects: 'rejects/:name',
    moved: 'moved',
    stream: 'stream/:name',
    raw: 'raw/:name',
    waits: 'waits/:name',
    work: 'work/:name',
    nested: 'nested/:outer/items/:name',
    profiled: 'profiled/:name',
  };
  const { prototype } = Routes;
  for (const [method, path] of Object.entries(paths) as [Method, string][]) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method) ?? {};
    if (method === 'profiled') {
      profileHandler(prototype, method, descriptor);
      Object.defineProperty(prototype, method, descriptor);
    }
    (method === 'echo' ? Post : Get)(path)(prototype, method, descriptor);
    if (path.endsWith(':name')) Param('name')(prototype, method, 0);
    if (method === 'moved') Redirect('/hello/there', 302)(prototype, method, descriptor);
  }
  Req()(prototype, 'echo', 1);
  Res()(prototype, 'raw', 1);
  Controller()(Routes);
  class Application {}
  Module({ controllers: [Routes] })(Application);
  return Application;
}

async function listening(app: INestApplication, program: Program): Promise<Server> {
  for (const middleware of program.middlewares) app.use(performance(middleware));
  await app.listen(0, '127.0.0.1');
  return app.getHttpServer() as Server;
}

export const nestOnExpress: Framework = {
  name: 'Nest 12 on Express',
  start: async (program) =>
    listening(await NestFactory.create(createModule(program), { logger: false }), program),
};

export const nestOnFastify: Framework = {
  name: 'Nest 12 on Fastify',
  async start(program) {
    const adapter = new FastifyAdapter();
    const app = await NestFactory.create<NestFastifyApplication>(createModule(program), adapter, {
      logger: false,
    });
    app.useBodyParser(
      'application/octet-stream',
      { bodyLimit: 1_000_000 },
      (_request, body: Buffer, done) => done(null, body),
    );
    return listening(app, program);
  },
};
