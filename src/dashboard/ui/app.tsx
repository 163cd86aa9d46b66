import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { DashboardData, StatsScope } from '../data.ts';
import { FailedQueries, NPlusOne, SlowQueries } from './findings.tsx';
import { Footer } from './footer.tsx';
import { revealInvisible } from './format.ts';
import { Header } from './header.tsx';
import { InFlight } from './in-flight.tsx';
import { createLoader, createPoller } from './poller.ts';
import type { Poller, PollState } from './poller.ts';
import { Pools } from './pools.tsx';
import { Requests } from './requests.tsx';
import { scopeOfAddress, writeScope } from './scope.ts';
import { Statements } from './statements.tsx';
import { Threads } from './threads.tsx';
import { Tiles } from './tiles.tsx';

/** @param props.pagePath where this page lies, without a slash at the end. */
export function App({ pagePath }: { readonly pagePath: string }): JSX.Element {
  const [scope, setScope] = useState(scopeOfAddress);
  const [poller, state] = usePoller(pagePath, scope);
  const { data, problem } = state;
  const notes = useNotes(data);

  useEffect(() => {
    if (data !== undefined) document.title = `${revealInvisible(data.app)} · performance`;
  }, [data]);

  return (
    <>
      <Header
        state={state}
        scope={scope}
        onScope={(next) => {
          writeScope(next);
          setScope(next);
        }}
        onPause={() => poller?.pause()}
        onResume={() => poller?.resume()}
      />
      <main>
        {problem !== undefined && (
          <div class="problem" role="alert">
            <p>
              {problem} {data !== undefined && 'What you see is what it told last.'}
            </p>
            <button type="button" class="button" onClick={() => poller?.resume()}>
              Try now
            </button>
          </div>
        )}
        {notes.length > 0 && (
          <ul class="notes" aria-label="What these figures leave out">
            {notes.map((note) => (
              <li key={note}>{revealInvisible(note)}</li>
            ))}
          </ul>
        )}
        {data === undefined ? (
          problem === undefined && <p class="empty">Asking the application …</p>
        ) : (
          <>
            <Tiles data={data} previous={state.previous} />
            <InFlight data={data} />
            <Requests data={data} />
            <div class="columns">
              <SlowQueries data={data} />
              <NPlusOne data={data} />
            </div>
            <FailedQueries data={data} />
            <Statements data={data} />
            <Pools data={data} />
            <Threads data={data} />
          </>
        )}
      </main>
      {data !== undefined && <Footer data={data} pagePath={pagePath} />}
    </>
  );
}

const INITIAL_STATE: PollState = {
  phase: 'connecting',
  data: undefined,
  previous: undefined,
  problem: undefined,
};

/** Those of the application, and what the page itself has noticed. */
function useNotes(data: DashboardData | undefined): readonly string[] {
  const pids = useRef(new Set<number>());
  if (data === undefined) return [];
  if (data.scope === 'host') return data.notes;
  if (pids.current.size < 100) pids.current.add(data.pid);
  if (pids.current.size < 2) return data.notes;
  return [
    `Several processes answer in turn, each with figures of its own; this is pid ${data.pid}. ` +
      '“All processes” shows them together.',
    ...data.notes,
  ];
}

function usePoller(pagePath: string, scope: StatsScope): [Poller | undefined, PollState] {
  const [state, setState] = useState(INITIAL_STATE);
  const [poller, setPoller] = useState<Poller>();

  useEffect(() => {
    // Figures of another scope would be taken for those of this one.
    setState(INITIAL_STATE);
    const created = createPoller({
      load: createLoader(pagePath, scope),
      onChange: setState,
      isVisible: !document.hidden,
    });
    const follow = (): void => created.setVisible(!document.hidden);
    document.addEventListener('visibilitychange', follow);
    setPoller(created);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      created.stop();
    };
  }, [pagePath, scope]);

  return [poller, state];
}
