import type { SerialisedError } from '../../main/contract/errors.ts';
import { Icon } from './icon.tsx';

/** An error in place: what is wrong, and what to do. */
export const Problem = ({ error }: { readonly error: Pick<SerialisedError, 'message' | 'remedy'> }) => (
  <div className="problem" role="alert">
    <Icon name="warning" size={16} />
    <div>
      <p className="problem-message">{error.message}</p>
      {error.remedy !== '' && <p className="problem-remedy">{error.remedy}</p>}
    </div>
  </div>
);
