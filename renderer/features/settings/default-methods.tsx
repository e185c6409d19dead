import type { MethodName } from '../../../main/contract/plan.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { changeSettings } from '../../actions/settings.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { usualMethods } from '../../state/sweep-store.ts';

/** Methods ticked for the next sweep; null: the defaults. */
export const DefaultMethods = ({ chosen }: { readonly chosen: readonly MethodName[] | null }) => {
  const pages = useQuery('methods.list', {}).data ?? [];
  const { busy, start } = useRequest();
  const ticked = chosen ?? usualMethods;
  const keep = (methods: readonly MethodName[] | null): void =>
    start((engine) => changeSettings(engine, { change: { methods: methods === null ? null : [...methods] } }));
  return (
    <Disclosure summary={`Methods of the next sweep: ${ticked.map(methodTitle).join(', ')}`}>
      <div className="setting-methods" role="group" aria-label="Methods of the next sweep">
        {pages.map(({ name }) => (
          <Checkbox
            key={name}
            checked={ticked.includes(name)}
            disabled={busy || (ticked.length === 1 && ticked.includes(name))}
            onChange={(isTicked) => keep(isTicked ? [...ticked, name] : ticked.filter((known) => known !== name))}
          >
            {methodTitle(name)}
          </Checkbox>
        ))}
      </div>
      {chosen !== null && (
        <Button look="quiet" className="button-small" disabled={busy} onClick={() => keep(null)}>
          Use defaults
        </Button>
      )}
    </Disclosure>
  );
};
