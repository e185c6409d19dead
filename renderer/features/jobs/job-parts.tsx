import type { Bridge } from '../../bridge/bridge.ts';
import { Button } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';

/** Progress of a job as a bar and in per cent: `share` from 0 to 1; `title` gives the numbers. */
export const JobShare = ({
  label,
  share,
  title,
}: {
  readonly label: string;
  readonly share: number;
  readonly title: string;
}) => {
  const percent = Math.floor(share * 100);
  return (
    <>
      <div
        className="progress"
        role="progressbar"
        aria-label={label}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        title={title}
      >
        <div style={{ transform: `scaleX(${share})` }} />
      </div>
      <span className="job-percent">{percent}&#8201;%</span>
    </>
  );
};

/** Cancels a job; `of` names the job for screen readers. */
export const CancelJob = ({
  of,
  cancel,
  className = '',
}: {
  readonly of: string;
  readonly cancel: (bridge: Bridge) => Promise<unknown>;
  readonly className?: string;
}) => {
  const { busy, start } = useRequest();
  return (
    <Button
      className={`button-small ${className}`}
      icon="stop"
      disabled={busy}
      aria-label={`Cancel ${of}`}
      onClick={() => start(({ bridge }) => cancel(bridge))}
    >
      Cancel
    </Button>
  );
};
