import { useState } from 'react';
import { IconButton } from '../components/button.tsx';
import { useFacts } from '../engine/use-facts.ts';
import { shownSweep } from '../features/curves/shown-sweep.ts';
import { formatCount } from '../format/format-number.ts';

/** Says, while the sample is on screen, what it is and what it is not; goes for this session where the person closes it. */
export const SampleBanner = () => {
  const { runs, selection } = useFacts();
  const [closed, setClosed] = useState(false);
  const sweep = shownSweep(runs, selection.run);
  if (closed || sweep?.sample !== true) return null;
  return (
    <div className="sample-banner" role="note">
      <span>
        <strong>This is the sample:</strong> a finished sweep of {formatCount(sweep.models.length)} bundled models on{' '}
        {formatCount(sweep.tasks.length)} tasks. The models are small instruments that show the method; they are no
        evidence about large models.
      </span>
      <IconButton icon="close" label="Close the note on the sample" onClick={() => setClosed(true)} />
    </div>
  );
};
