import { type Command, parseOptions } from '../command.ts';
import { painter } from '../paint.ts';
import { openHost } from '../segments.ts';
import { describeDeath } from './describe.ts';
import { deathsOf } from './death.ts';
import { deathJsonOf } from './json.ts';

/** `hyperdjango postmortem` */
export const postmortem: Command = {
  help: `hyperdjango postmortem: show what a dead process was doing

Usage: hyperdjango postmortem [options]

Names the requests and queries that were in flight when a process died, how long they had been
running, what its event loop was doing, and its last queries. It shows the latest death; a
process that ended as it should comes after all that did not.

The last 8 dead processes of an application are kept for 24 hours.

Options:
  --app NAME  only the processes of this application (default: all)
  --all       every dead process that is still kept, the latest first
  --json      print JSON: one object, or with --all a list
  -h, --help  show this help

Environment:
  HYPERDJANGO_DIR  where the processes keep their segments, if they have it set
  NO_COLOR         no colours, not even on a terminal
`,

  async run(args, { stdout, stderr, env }) {
    const { app, all, json } = parseOptions(args, {
      app: { type: 'string' },
      all: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const host = openHost(env, app);
    try {
      const { processes, problems } = host.reader.snapshot({ histograms: false });
      for (const problem of problems) stderr.write(`hyperdjango postmortem: ${problem}\n`);
      const deaths = deathsOf(processes);
      const [latest] = deaths;
      if (latest === undefined) {
        const whose = app === undefined ? 'a process' : `a process of ${JSON.stringify(app)}`;
        throw new Error(`no trace of ${whose} that has died in ${host.directory}`);
      }
      const shown = all === true ? deaths : [latest];
      if (json === true) {
        const answer = all === true ? shown.map(deathJsonOf) : deathJsonOf(latest);
        stdout.write(`${JSON.stringify(answer)}\n`);
      } else {
        const columns = stdout.columns || Number.POSITIVE_INFINITY;
        const texts = shown.map((death) => describeDeath(death, columns, painter(stdout)));
        stdout.write(`${texts.map((lines) => lines.join('\n')).join('\n\n')}\n`);
      }
      host.reap();
    } finally {
      host.reader.close();
    }
  },
};
