import { type Command, parseOptions } from '../command.ts';
import { openHost } from '../segments.ts';

/** `hyperdjango top` */
export const top: Command = {
  help: `hyperdjango top: watch running processes from outside, also those that are stuck

Usage: hyperdjango top [options]

Shows the requests in flight with the queries that they are waiting for, the busiest routes and
statements, pools and findings of the processes of this user on this host. It reads what they
have written down in memory and asks them nothing: a blocked event loop is shown, not waited for.

Each application has a frame of its own. On a terminal it is drawn once a second; elsewhere one of
each is printed, and that is all.

Options:
  --app NAME  only the processes of this application (default: all)
  --json      print one snapshot as JSON and end
  -h, --help  show this help

Keys:
  q  quit      p  pause, and go on
  t  sort routes and statements by time      c  by calls
  m  by mean duration                        e  by errors
  a  the next application

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
        const { topJsonOfAll } = await import('./json.ts');
        const applications = host.reader.applications({ histograms: false });
        const [only, ...others] = applications;
        const isOne = only !== undefined && others.length === 0;
        const together = isOne ? only : host.reader.snapshot({ histograms: false });
        io.stdout.write(`${JSON.stringify(topJsonOfAll(applications, together))}\n`);
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
