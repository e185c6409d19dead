import { startSearch } from '../../actions/start-search.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Words } from '../../components/words.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { formatFactor } from '../../format/format-number.ts';
import { useMethodPage } from '../methods/use-method-page.ts';
import { methodTitle } from './methods.ts';

/** A method that has no plan before it has measured many: says what that costs, and starts the job. */
export const SearchNow = () => {
  const { selection } = useFacts();
  const search = useAction(startSearch);
  const page = useMethodPage(selection.method);
  return (
    <div className="search-now">
      <p>
        {methodTitle(selection.method)} has no plan before it has <Definition of="search">searched</Definition> for one:
        a job that can be cancelled and resumed. Its plan is then the point of the curve, and can be exported from
        there.
      </p>
      <p className="muted">
        It keeps the same number of experts in every layer; pins, budgets and protection do not count.
      </p>
      {page !== undefined && (
        <p className="muted">
          Cost: <Words text={page.cost} />.
        </p>
      )}
      <div className="card-actions">
        <Button look="primary" icon="play" onClick={search.perform} disabled={!search.enabled}>
          Search and measure at {formatFactor(selection.factor)}
        </Button>
      </div>
    </div>
  );
};
