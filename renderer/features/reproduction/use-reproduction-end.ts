import { useEffect, useRef } from 'react';
import { useEngine } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { noticesStore } from '../../state/notices-store.ts';
import { reproductionStore } from '../../state/reproduction-store.ts';

/** Says how a reproduction that ran while the window was open came out; what does not match is shown at once. */
export const useReproductionEnd = (): void => {
  const { cache } = useEngine();
  const { runs } = useFacts();
  const active = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const reproductions = runs.filter(({ kind }) => kind === 'reproduce');
    const ended = reproductions.filter(({ id, state }) => state === 'done' && active.current.has(id));
    active.current = new Set(
      reproductions.filter(({ state }) => state === 'running' || state === 'queued').map(({ id }) => id),
    );
    for (const { id } of ended) {
      cache
        .fetch('reproduction.read', { run: id })
        .then(({ matches, sentence }) => {
          if (matches) noticesStore.getState().tell(sentence, 'Its row under Runs opens the comparison.');
          else reproductionStore.getState().showRun(id);
        })
        .catch((error: unknown) => noticesStore.getState().report(error));
    }
  }, [runs, cache]);
};
