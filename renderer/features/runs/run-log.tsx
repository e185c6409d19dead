import { useEffect } from 'react';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useEngine, useQuery } from '../../engine/engine-context.tsx';
import { formatCount } from '../../../main/words/numbers.ts';

const clock = (at: string): string =>
  new Date(at).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });

const LOOK_AGAIN_MS = 2_000;

interface RunLogProps {
  readonly run: string;
  /** Whether the run can still add lines; then the log is polled. */
  readonly isActive: boolean;
}

/** The log of a run: events with their times. */
export const RunLog = ({ run, isActive }: RunLogProps) => {
  const { cache } = useEngine();
  useEffect(() => {
    if (!isActive) return;
    const again = setInterval(() => cache.invalidate((name) => name === 'runs.log'), LOOK_AGAIN_MS);
    return () => clearInterval(again);
  }, [cache, isActive]);
  const log = useQuery('runs.log', { run });
  if (log.error !== null) return <Problem error={log.error} />;
  const lines = log.data?.lines ?? [];
  return (
    <Disclosure summary={`Log (${formatCount(lines.length)} ${lines.length === 1 ? 'line' : 'lines'})`}>
      {log.data?.missing !== null && log.data !== undefined && <p className="muted">{log.data.missing}</p>}
      {lines.length === 0 && <p className="muted">This run has no log entries.</p>}
      <ol className="run-log" tabIndex={0} aria-label="Log of the run">
        {lines.map((line, index) => (
          <li key={index} className={`run-log-${line.kind}`}>
            <time dateTime={line.at}>{clock(line.at)}</time>
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
    </Disclosure>
  );
};
