import { useEffect } from 'react';
import type { RunManifest } from '../../main/contract/run.ts';
import { useEngine, useQuery } from '../engine/engine-context.tsx';
import { readFacts } from '../engine/facts.ts';
import { shownRunName } from '../format/run-names.ts';
import { longJobs } from '../state/long-jobs.ts';

const wordsOf = ({ state, error }: RunManifest): string => {
  if (state === 'done') return 'Done.';
  return state === 'failed' ? `Failed. ${error ?? ''}` : 'Interrupted: it can be resumed.';
};

/**
 * Shows a system notification when a long job ends, if the user enabled it and the window is hidden. The permission was
 * requested when the switch was clicked.
 */
export const useJobNotifications = (): void => {
  const engine = useEngine();
  const isOn = useQuery('settings.read', {}).data?.settings.notifications === true;
  useEffect(() => {
    if (!isOn) return;
    const heard = longJobs(Date.now);
    return engine.bridge.subscribe((event) => {
      const ended = heard(event);
      if (ended === null || !document.hidden || Notification.permission !== 'granted') return;
      const { runs, tasks } = readFacts(engine);
      const name = shownRunName(runs.find(({ id }) => id === ended.id) ?? ended, tasks);
      const notification = new Notification(name, { body: wordsOf(ended), tag: ended.id });
      notification.addEventListener('click', () => window.focus());
    });
  }, [engine, isOn]);
};
