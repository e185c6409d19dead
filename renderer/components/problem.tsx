import { Component, type ReactNode } from 'react';
import { type SerialisedError, serialiseError } from '../../main/contract/errors.ts';
import type { RunProvenance } from '../../main/contract/provenance.ts';
import { provenanceHeading } from '../../main/words/provenance.ts';
import type { QueryError } from '../engine/query-cache.ts';
import { Button, Icon } from './button.tsx';

interface ProblemProps {
  readonly error: Pick<QueryError, 'message' | 'remedy' | 'again'>;
}

/** An error message with what to do about it, and a button that tries again where that may help. */
export const Problem = ({ error }: ProblemProps) => (
  <div className="problem" role="alert">
    <Icon name="warning" size={16} />
    <div>
      <p className="problem-message">{error.message}</p>
      {error.remedy !== '' && <p className="problem-remedy">{error.remedy}</p>}
    </div>
    {error.again !== undefined && (
      <Button small onClick={error.again}>
        Try again
      </Button>
    )}
  </div>
);

interface ErrorBoundaryProps {
  readonly children: ReactNode;
}
interface ErrorBoundaryState {
  readonly error: SerialisedError | null;
}

/** Confines a rendering error to one part of the window and reports it. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: null };

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { error: serialiseError(error) };
  }

  #wasHidden = false;

  /** A part that is shown again tries again. */
  override componentDidMount(): void {
    if (this.#wasHidden && this.state.error !== null) this.setState({ error: null });
    this.#wasHidden = false;
  }

  override componentWillUnmount(): void {
    this.#wasHidden = true;
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="view-failure">
        <Problem error={error} />
        <Button onClick={() => this.setState({ error: null })}>Try again</Button>
      </div>
    );
  }
}

/** Heads whatever shows a run that was not measured here; nothing for a run that was. */
export const NotMeasuredHere = ({ provenance }: { readonly provenance: RunProvenance | undefined }) => {
  const heading = provenanceHeading(provenance);
  return heading === null ? null : (
    <p className="problem" role="alert">
      <Icon name="warning" size={14} /> <strong>{heading}</strong>
    </p>
  );
};
