import { describe, expect, test } from 'vitest';
import {
  isOver,
  isWithin,
  localTimeText,
  parseDays,
  parseHours,
  parseLocalTime,
  type TimeWindow,
  timeWindow,
} from '../../../src/match/time-window.ts';
import { instantOf, timeZone } from '../../../src/match/time-zone.ts';

describe('a window holds', () => {
  // In 2026 the clocks change in Berlin on 29 March and 25 October, in New York on 8 March and 1 November, on Lord Howe (by half an hour) on
  // 5 April and 4 October; in Kathmandu never.
  test.each<[string, Parts, string, boolean]>([
    ['within hours', { hours: '08:00-18:00' }, '2026-11-23T09:00+01:00', true],
    ['at the first minute of its hours', { hours: '08:00-18:00' }, '2026-11-23T08:00+01:00', true],
    ['but not at the last', { hours: '08:00-18:00' }, '2026-11-23T18:00+01:00', false],
    ['but not a second before its hours', { hours: '08:00-18:00' }, '2026-11-23T07:59:59+01:00', false],
    ['in the second of two stretches', { hours: '08:00-12:00,13:00-18:00' }, '2026-11-23T17:00+01:00', true],
    ['but not between two stretches', { hours: '08:00-12:00,13:00-18:00' }, '2026-11-23T12:30+01:00', false],
    ['to the end of the day', { hours: '18:00-24:00' }, '2026-11-23T23:59:59+01:00', true],
    ['on its days', { days: 'mon-fri' }, '2026-11-23T09:00+01:00', true],
    ['but not on another', { days: 'mon-fri' }, '2026-11-22T09:00+01:00', false],
    ['on days that wrap', { days: 'sat-mon' }, '2026-11-23T09:00+01:00', true],
    ['but not between days that wrap', { days: 'sat-mon' }, '2026-11-24T09:00+01:00', false],
    ['on a day of the zone, whatever UTC says', { days: 'mon' }, '2026-11-22T23:30Z', true],
    ['past midnight from the day on which it begins', { days: 'fri', hours: '22:00-06:00' }, '2026-11-28T05:59+01:00', true],
    ['but not in the small hours of that day', { days: 'fri', hours: '22:00-06:00' }, '2026-11-27T05:59+01:00', false],
    ['before midnight too', { days: 'fri', hours: '22:00-06:00' }, '2026-11-27T22:00+01:00', true],
    ['but not after it has ended', { days: 'fri', hours: '22:00-06:00' }, '2026-11-28T06:00+01:00', false],
    ['past midnight from Saturday to Sunday', { days: 'sat', hours: '22:00-06:00' }, '2026-11-29T01:00+01:00', true],
    ['before the epoch too', { days: 'wed' }, '1969-12-31T12:00+01:00', true],
    ['from the date', { from: '2026-11-23' }, '2026-11-22T23:00Z', true],
    ['but not before the date', { from: '2026-11-23' }, '2026-11-22T22:59:59Z', false],
    ['until the date, to its end', { until: '2026-11-23' }, '2026-11-23T22:59:59Z', true],
    ['but not the day after', { until: '2026-11-23' }, '2026-11-23T23:00Z', false],
    ['until before the date-time', { until: '2026-11-23T18:00' }, '2026-11-23T17:59:59+01:00', true],
    ['but not at the date-time', { until: '2026-11-23T18:00' }, '2026-11-23T18:00+01:00', false],
    ['before Berlin changes to summer time', { hours: '01:00-02:00' }, '2026-03-29T00:59:59Z', true],
    ['but not after: two is three', { hours: '02:00-03:00' }, '2026-03-29T01:00Z', false],
    ['twice the hour that Berlin has twice', { hours: '02:00-03:00' }, '2026-10-25T00:30Z', true],
    ['and its second time', { hours: '02:00-03:00' }, '2026-10-25T01:30Z', true],
    ['and not a third', { hours: '02:00-03:00' }, '2026-10-25T02:00Z', false],
    ['to the end of a day of 25 hours', { until: '2026-10-25' }, '2026-10-25T22:59:59Z', true],
    ['but not to more of it', { until: '2026-10-25' }, '2026-10-25T23:00Z', false],
    ['until a time that is left out, until the clock jumps', { until: '2026-03-29T02:30' }, '2026-03-29T00:59:59Z', true],
    ['but not beyond the jump', { until: '2026-03-29T02:30' }, '2026-03-29T01:00Z', false],
    ['until a time that is shown twice, until its first', { until: '2026-10-25T02:30' }, '2026-10-25T00:30Z', false],
    ['in winter in New York', { zone: 'America/New_York', hours: '08:00-09:00' }, '2026-03-07T13:30Z', true],
    ['and in summer', { zone: 'America/New_York', hours: '08:00-09:00' }, '2026-03-08T12:30Z', true],
    ['in New York, at the hour that it has twice', { zone: 'America/New_York', hours: '01:00-02:00' }, '2026-11-01T06:59Z', true],
    ['in Kathmandu, 5:45 ahead', { zone: 'Asia/Kathmandu', hours: '08:00-09:00' }, '2026-11-23T02:15Z', true],
    ['but not a minute before', { zone: 'Asia/Kathmandu', hours: '08:00-09:00' }, '2026-11-23T02:14Z', false],
    ['on Lord Howe, 10:30 ahead in winter', { zone: 'Australia/Lord_Howe', hours: '02:00-03:00' }, '2026-07-01T15:30Z', true],
    ['and 11 in summer', { zone: 'Australia/Lord_Howe', hours: '02:00-03:00' }, '2026-12-01T15:00Z', true],
    [
      'and not in the half hour that Lord Howe leaves out',
      { zone: 'Australia/Lord_Howe', hours: '02:00-02:30' },
      '2026-10-03T15:30Z',
      false,
    ],
    ['and in the one that it has twice', { zone: 'Australia/Lord_Howe', hours: '01:30-02:00' }, '2026-04-04T15:15Z', true],
    ['in UTC', { zone: 'UTC', hours: '08:00-09:00' }, '2026-11-23T08:30Z', true],
  ])('%s', (_name, parts, instant, expected) => {
    expect(isWithin(windowOf(parts), Date.parse(instant))).toBe(expected);
  });
});

test('a window is over once nothing of it is to come', () => {
  const window = windowOf({ until: '2026-11-23' });
  expect(isOver(window, Date.parse('2026-11-23T22:59:59Z'))).toBe(false);
  expect(isOver(window, Date.parse('2026-11-23T23:00Z'))).toBe(true);
  expect(isOver(windowOf({ days: 'mon' }), Date.parse('2999-01-01T00:00Z'))).toBe(false);
});

test('a window is described as it was written', () => {
  const parts = { days: 'mon-fri,sun', hours: '08:00-18:00', from: '2026-01-01', until: '2026-12-31T18:00' };
  expect(windowOf(parts).text).toBe('mon-fri, sun 08:00-18:00 from 2026-01-01 until 2026-12-31T18:00 Europe/Berlin');
});

test('its clock is shown with day and zone', () => {
  expect(localTimeText(windowOf({}), Date.parse('2026-11-22T23:30Z'))).toBe('Mon 2026-11-23 00:30 Europe/Berlin');
});

test('a window that ends before it begins is refused', () => {
  expect(() => windowOf({ from: '2026-02-01', until: '2026-01-31' })).toThrow('from 2026-02-01 until 2026-01-31 is no time at all');
});

describe('refuses', () => {
  test.each(['Mon', 'monday', 'mon-', '-mon', 'mon-tue-wed', 'mon,tue', ''])('the days %j', (text) => {
    expect(() => parseDays(text)).toThrow(
      `expected a day or a range of days such as mon, tue, wed, thu, fri, sat, sun or mon-fri; found '${text}'`,
    );
  });

  test.each(['8:00-18:00', '08:00', '24:00-08:00', '08:00-24:01', '08:60-18:00', '08-18', '08:00 - 18:00'])('the hours %j', (text) => {
    expect(() => parseHours(text)).toThrow(`expected hours such as 08:00-18:00, from 00:00 to 24:00; found '${text}'`);
  });

  test('hours of no length', () => {
    expect(() => parseHours('08:00-08:00')).toThrow('08:00-08:00 begins when it ends; write 00:00-24:00');
  });

  test.each([
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '2026-01-01T24:00',
    '2026-01-01 10:00',
    '2026-01-01T10:00Z',
    '2026-01-01T10:00+01:00',
    'tomorrow',
  ])('the date %j', (text) => {
    expect(() => parseLocalTime(text)).toThrow(
      `expected a date such as 2026-12-31, or 2026-12-31T18:00, on the clock of 'zone'; found '${text}'`,
    );
  });

  test.each([
    ['+01:00', "found '+01:00'"],
    ['EST', "found 'EST'"],
    ['Europe/Berln', "found 'Europe/Berln'; did you mean 'Europe/Berlin'?"],
    ['', "found ''"],
  ])('the zone %j', (name, end) => {
    expect(() => timeZone(name)).toThrow(`expected a zone of the IANA database such as Europe/Berlin, or UTC; ${end}`);
  });
});

test('the instant of a local time is the first that shows it, or that of the jump over it', () => {
  const zone = timeZone('Australia/Lord_Howe');
  const instant = (local: string) => new Date(instantOf(zone, Date.parse(`${local}Z`))).toISOString();
  expect(instant('2026-04-05T01:45')).toBe('2026-04-04T14:45:00.000Z');
  expect(instant('2026-10-04T02:15')).toBe('2026-10-03T15:30:00.000Z');
  expect(instant('2026-10-04T02:30')).toBe('2026-10-03T15:30:00.000Z');
});

interface Parts {
  readonly zone?: string;
  /** Several with commas between them. */
  readonly days?: string;
  readonly hours?: string;
  readonly from?: string;
  readonly until?: string;
}

function windowOf({ zone = 'Europe/Berlin', days, hours, from, until }: Parts): TimeWindow {
  return timeWindow(
    timeZone(zone),
    days?.split(',').map(parseDays) ?? [],
    hours?.split(',').map(parseHours) ?? [],
    from === undefined ? null : parseLocalTime(from),
    until === undefined ? null : parseLocalTime(until),
  );
}
