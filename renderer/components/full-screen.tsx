import { type ReactNode, useEffect, useState } from 'react';
import { IconButton } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface FullScreenProps {
  readonly title: string;
  /** Draws the content; `button` fills the window with it, and is null while it does. */
  readonly children: (isFull: boolean, button: ReactNode) => ReactNode;
}

/** Content that a button spreads over the whole window; Escape returns it to its place. */
export const FullScreen = ({ title, children }: FullScreenProps) => {
  const [isFull, fill] = useState(false);
  // A view that is shown again is in its place.
  useEffect(() => () => fill(false), []);
  if (!isFull)
    return children(false, <IconButton icon="expand" label={`Full screen: ${title}`} onClick={() => fill(true)} />);
  return (
    <Dialog title={title} full onClose={() => fill(false)}>
      <div className="full-screen">{children(true, null)}</div>
    </Dialog>
  );
};
