import { Activity, type ReactNode, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';

interface KeptProps {
  readonly isShown: boolean;
  /** Memoised, so that what was not changed meanwhile is not drawn again when it is shown. */
  readonly children: ReactNode;
}

/**
 * Content that is kept once it was shown: then out of the document, without effects and updates. To show it again costs
 * its style and what has changed meanwhile, which React applies before the next frame.
 */
export const Kept = ({ isShown, children }: KeptProps) => {
  const [wasShown, setShown] = useState(isShown);
  if (isShown && !wasShown) setShown(true);
  const place = useRef<HTMLDivElement>(null);
  const [host] = useState(() => {
    const element = document.createElement('div');
    element.className = 'kept';
    return element;
  });
  return (
    <>
      <div className="kept" ref={place} />
      {isShown && <Placed place={place} host={host} />}
      {wasShown && createPortal(<Activity mode={isShown ? 'visible' : 'hidden'}>{children}</Activity>, host)}
    </>
  );
};

/** A component of its own, before the content: its effect comes first, so that the content's effects can measure. */
const Placed = ({ place, host }: { readonly place: RefObject<HTMLElement | null>; readonly host: HTMLElement }) => {
  useLayoutEffect(() => {
    place.current?.append(host);
    return () => host.remove();
  }, [place, host]);
  return null;
};
