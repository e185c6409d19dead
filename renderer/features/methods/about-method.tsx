import type { MethodName } from '../../../main/contract/plan.ts';
import { IconButton } from '../../components/button.tsx';
import { methodTitle } from '../prune/methods.ts';
import { methodsStore } from './methods-store.ts';

/** Opens the page of a method. */
export const AboutMethod = ({ method }: { readonly method: MethodName }) => (
  <IconButton
    icon="info"
    className="about-method"
    label={`About ${methodTitle(method)}`}
    onClick={() => methodsStore.getState().show(method)}
  />
);
