import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { NPlusOne, SlowQueries } from './findings.tsx';
import { Footer } from './footer.tsx';
import { revealInvisible } from './format.ts';
import { Header } from './header.tsx';
import { createLoader, createPoller } from './poller.ts';
import type { Poller, PollState } from './poller.ts';
import { Pools } from './pools.tsx';
import { Requests } from './requests.tsx';
import { Statements } from './statements.tsx';
import { Tiles } from './tiles.tsx';

/** @param props.pagePath where this page lies, without a slash at the end. */
export function App({ pagePath }: { readonly pagePath: string }): JSX.Element {
  const [poller, state] = usePoller(pagePath);
  const { data, problem } = state;

  useEffect(() => {
    if (data !== undefined) document.title = `${revealInvisible(data.app)} · performance`;
  }, [data]);

  return (
    <>
      <Header state={state} onPause={() => poller?.pause()} onResume={() => poller?.resume()} />
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
        {data === undefined ? (
          problem === undefined && <p class="empty">Asking the application …</p>
        ) : (
          <>
            <Tiles data={data} previous={state.previous} />
            <Requests data={data} />
            <div class="columns">
              <SlowQueries data={data} />
              <NPlusOne data={data} />
            </div>
            <Statements data={data} />
            <Pools pools={data.pools} />
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

function usePoller(pagePath: string): [Poller | undefined, PollState] {
  const [state, setState] = useState(INITIAL_STATE);
  const [poller, setPoller] = useState<Poller>();

  useEffect(() => {
    const created = createPoller({
      load: createLoader(pagePath),
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
  }, [pagePath]);

  return [poller, state];
}
