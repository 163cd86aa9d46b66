import { type Command, parseOptions } from '../command.ts';
import { openHost } from '../segments.ts';

/** `hyperdjango top` */
export const top: Command = {
  help: `hyperdjango top: watch running processes from outside, also those that are stuck

Usage: hyperdjango top [options]

Shows the requests in flight with the queries that they are waiting for, the busiest routes and
statements, pools and findings of all processes of this user on this host. It reads what they
have written down in memory and asks them nothing: a blocked event loop is shown, not waited for.

On a terminal it draws a frame a second. Elsewhere it prints one frame and ends.

Options:
  --app NAME  only the processes of this application (default: all)
  --json      print one snapshot as JSON and end
  -h, --help  show this help

Keys:
  q  quit      p  pause, and go on
  t  sort routes and statements by time      c  by calls
  m  by mean duration                        e  by errors

Environment:
  HYPERDJANGO_DIR  where the processes keep their segments, if they have it set
  NO_COLOR         no colours, not even on a terminal
`,

  async run(args, io) {
    const { app, json } = parseOptions(args, {
      app: { type: 'string' },
      json: { type: 'boolean' },
    });
    const host = openHost(io.env, app);
    try {
      if (json === true) {
        const { topJsonOf } = await import('./json.ts');
        const snapshot = host.reader.snapshot({ histograms: false });
        io.stdout.write(`${JSON.stringify(topJsonOf(snapshot))}\n`);
      } else {
        const { printFrame, watch } = await import('./watch.ts');
        if (io.stdout.isTTY === true) await watch(host.reader, io);
        else printFrame(host.reader, io);
      }
      host.reap();
    } finally {
      host.reader.close();
    }
  },
};
