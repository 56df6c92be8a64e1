// Owns which rows are on the screen, and where: rows are all of one height, so both are multiplications. Browsers do not draw elements of any height;
// beyond what they do, the scroll bar stands for more rows than it has pixels. All lengths are pixels.

export interface Scrolled {
  /** Rows. */
  readonly total: number;
  readonly rowHeight: number;
  /** What covers the top. */
  readonly headHeight: number;
  /** Of what is seen. */
  readonly height: number;
  /** As the browser says. */
  readonly scrollTop: number;
  readonly isFollowing: boolean;
}

export interface Viewport {
  /** Of all rows, as the browser is told. */
  readonly whole: number;
  /** The greatest scrollTop. */
  readonly end: number;
  /** Rows that are seen, even in part: from `first`, up to and without `last`. */
  readonly first: number;
  readonly last: number;
  /** How many fit. */
  readonly onScreen: number;
  /** Where the row of an index is. */
  readonly placeOf: (index: number) => number;
  /** What to scroll to for it to be the first. */
  readonly scrollTopOf: (index: number) => number;
}

export function viewportOf({ total, rowHeight, headHeight, height, scrollTop, isFollowing }: Scrolled): Viewport {
  const onScreen = Math.ceil(height / rowHeight);
  const real = total * rowHeight;
  const whole = Math.min(real, MOST_PIXELS);
  const end = Math.max(0, whole + headHeight - height);
  // At the end already before the browser has been told to scroll there, so that what is new is drawn once.
  const place = isFollowing ? end : Math.min(scrollTop, end);
  const scale = whole === real ? 1 : (real + headHeight - height) / end;
  const top = place * scale;
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), total - onScreen));
  return {
    whole,
    end,
    first,
    last: Math.min(total, first + onScreen + 1),
    onScreen,
    placeOf: (index) => index * rowHeight - top + place,
    scrollTopOf: (index) => (index * rowHeight) / scale,
  };
}

/** Firefox draws up to 17.8 million. */
const MOST_PIXELS = 15_000_000;
