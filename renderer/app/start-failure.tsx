import { serialiseError } from '../../main/contract/errors.ts';
import { Button } from '../components/button.tsx';
import { Problem } from '../components/problem.tsx';

/** All that is shown when the page cannot be joined to an engine at all. */
export const StartFailure = ({ error }: { readonly error: unknown }) => (
  <main className="start-failure">
    <h1>Uncurl Workbench could not start</h1>
    <Problem error={serialiseError(error)} />
    <Button look="primary" onClick={() => window.location.reload()}>
      Try again
    </Button>
  </main>
);
