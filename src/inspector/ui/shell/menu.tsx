// Owns menus: a list of commands at a place on the page, by mouse or by keyboard (ARIA Authoring Practices, "Menu Button").
import { signal } from '@preact/signals';
import { Fragment } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from '../icons.tsx';

export interface Command {
  readonly label: string;
  readonly icon?: IconName;
  /** The key that does the same, where there is one. */
  readonly key?: string;
  /** Whether a line is drawn above. */
  readonly startsGroup?: boolean;
  /** Of something that is on or off. */
  readonly isOn?: boolean;
  /** Whether the menu stays, for the next choice. */
  readonly keepsOpen?: boolean;
  readonly run: () => void;
}

interface OpenMenu {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly commands: () => readonly Command[];
  /** What gets the focus back. */
  readonly opener: Element | null;
}

const openMenu = signal<OpenMenu | null>(null);

/** @param commands  asked at every drawing, so that marks stay true */
export function showMenu(label: string, x: number, y: number, commands: () => readonly Command[]): void {
  openMenu.value = { label, x, y, commands, opener: document.activeElement };
}

/** Below the button that was pressed. */
export function showMenuAt(label: string, event: Event, commands: () => readonly Command[]): void {
  const { left, bottom } = (event.currentTarget as Element).getBoundingClientRect();
  showMenu(label, left, bottom + 4, commands);
}

function close(): void {
  const opener = openMenu.value?.opener;
  openMenu.value = null;
  if (opener instanceof HTMLElement) opener.focus();
}

export function MenuLayer() {
  const menu = openMenu.value;
  return menu === null ? null : <Menu key={`${menu.label} ${menu.x} ${menu.y}`} {...menu} />;
}

function Menu({ label, x, y, commands }: OpenMenu) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = list.current!;
    const { width, height } = element.getBoundingClientRect();
    element.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    element.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
    (element.querySelector('button') as HTMLElement | null)?.focus();
  }, [x, y]);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the place around a menu; Escape does the same. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above. */}
      <div
        class="menu-backdrop"
        onClick={close}
        onContextMenu={(event) => {
          event.preventDefault();
          close();
        }}
      />
      <div class="menu" role="menu" aria-label={label} tabIndex={-1} ref={list} onKeyDown={(event) => moveIn(list.current!, event)}>
        {commands().map((command) => (
          <Fragment key={command.label}>
            {command.startsGroup && <hr />}
            <button
              type="button"
              role={command.isOn === undefined ? 'menuitem' : 'menuitemcheckbox'}
              {...(command.isOn !== undefined && { 'aria-checked': command.isOn })}
              onClick={() => {
                if (command.keepsOpen !== true) close();
                command.run();
              }}
            >
              <span class="menu-icon">{menuIcon(command)}</span>
              <span class="menu-label">{command.label}</span>
              {command.key !== undefined && <kbd>{command.key}</kbd>}
            </button>
          </Fragment>
        ))}
      </div>
    </>
  );
}

function menuIcon({ isOn, icon }: Command) {
  if (isOn === true) return <Icon name="check" />;
  return icon === undefined ? null : <Icon name={icon} />;
}

function moveIn(list: HTMLElement, event: KeyboardEvent): void {
  const items = [...list.querySelectorAll('button')];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key === 'Escape' || event.key === 'Tab') close();
  else if (event.key in to) items.at(to[event.key]! % items.length)?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
