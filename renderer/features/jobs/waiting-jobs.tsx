import { useState } from 'react';
import type { JobProgress } from '../../../main/contract/run.ts';
import { IconButton } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { CancelJob } from './job-parts.tsx';

/** The waiting job in front of which a moved job goes when it takes the target's position; null: at the end. */
export const runBefore = (order: readonly string[], run: string, target: string): string | null => {
  const [from, to] = [order.indexOf(run), order.indexOf(target)];
  // Moved down, it goes behind the target.
  return from < to ? (order[to + 1] ?? null) : target;
};

/** Waiting jobs in the order of their turns; reorder by dragging, or with arrow keys on the handles. */
export const WaitingJobs = ({ jobs }: { readonly jobs: readonly JobProgress[] }) => {
  const { busy, start } = useRequest();
  const [dragged, setDragged] = useState<string | null>(null);
  const [over, setOver] = useState<string | null>(null);
  const order = jobs.map(({ run }) => run);
  const move = (run: string, target: string | undefined): void => {
    if (target === undefined || target === run) return;
    start(({ bridge }) => bridge.call('jobs.move', { run, before: runBefore(order, run, target) }));
  };
  return (
    <ol className="waiting-jobs" aria-label="Waiting jobs">
      {jobs.map((job, index) => (
        <li
          key={job.run}
          className={`job job-waiting${over === job.run && dragged !== job.run ? ' job-over' : ''}`}
          draggable={!busy}
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = 'move';
            event.dataTransfer.setData('text/plain', job.title);
            setDragged(job.run);
          }}
          onDragOver={(event) => {
            if (dragged === null) return;
            event.preventDefault();
            setOver(job.run);
          }}
          onDrop={(event) => {
            event.preventDefault();
            if (dragged !== null) move(dragged, job.run);
          }}
          onDragEnd={() => {
            setDragged(null);
            setOver(null);
          }}
        >
          <IconButton
            icon="handle"
            label={`Move ${job.title}: arrow keys, or drag`}
            onKeyDown={(event) => {
              const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0;
              if (step === 0 || event.altKey) return;
              event.preventDefault();
              move(job.run, order[index + step]);
            }}
          />
          <span className="job-title">{job.title}</span>
          <span className="job-description">{job.description}</span>
          <CancelJob
            className="job-cancel"
            of={job.title}
            cancel={(bridge) => bridge.call('jobs.cancel', { run: job.run })}
          />
        </li>
      ))}
    </ol>
  );
};
