import { useState } from 'react';
import { changeSettings } from '../../actions/settings.ts';
import { Checkbox } from '../../components/choices.tsx';
import { useRequest } from '../../engine/engine-context.tsx';

/** Switches system notifications for long jobs; the click that enables it also requests the permission. */
export const NotificationSwitch = ({ isOn }: { readonly isOn: boolean }) => {
  const { busy, start } = useRequest();
  const [refused, setRefused] = useState(false);
  return (
    <div className="setting">
      <Checkbox
        checked={isOn}
        disabled={busy}
        onChange={(wanted) =>
          start(async (engine) => {
            const isAllowed = !wanted || (await Notification.requestPermission()) === 'granted';
            setRefused(!isAllowed);
            if (isAllowed) await changeSettings(engine, { change: { notifications: wanted } });
          })
        }
      >
        Notify me when a job of over 30 seconds ends while the window is hidden
      </Checkbox>
      {refused && (
        <p className="setting-note" role="alert">
          Notifications are blocked for this page: allow them in the browser’s site settings.
        </p>
      )}
    </div>
  );
};
