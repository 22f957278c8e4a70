// @vitest-environment happy-dom
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import { expect, it } from 'vitest';
import { Address } from './Address';
import { useParam } from './paths';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let parameter: ReturnType<typeof useParam>;

function Filter() {
  parameter = useParam('q');
  return null;
}

it.each(['50%25', '100%', '%41', 'a%26b=c', 'grüße & 猫+'])('has the filter %j as it was typed', async (typed) => {
  history.replaceState(null, '', '/c/dev?ns=shop');
  const root = createRoot(document.createElement('div'));
  await act(() =>
    root.render(
      <Address>
        <Filter />
      </Address>,
    ),
  );
  await act(() => parameter[1](typed));
  expect(parameter[0]).toBe(typed);
  expect([...new URLSearchParams(location.search)]).toEqual([
    ['ns', 'shop'],
    ['q', typed],
  ]);
  await act(() => root.unmount());
});
