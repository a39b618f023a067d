// Where a guest chooses: how many places, with whom, and when. Loads the slots and keeps the choice.
import type { Offer } from "../client.js";
import { explain, isPassing, type Result } from "./api.js";
import { createChoice, drawSlots, type ShownSlot } from "./calendar.js";
import { addDays, dayKey, findRange, findWeek, parseDay, startOfDay, today, type Range, type View } from "./days.js";
import { create, setText } from "./dom.js";
import { LiveSlots } from "./live_slots.js";
import { retryPause } from "./pauses.js";
import { drafts } from "./records.js";
import type { Shared } from "./shared.js";

// The longest period that the API lists in one request; also how far ahead to look for the next free time.
const MAX_PERIOD_DAYS = 62;
/** From which width on, in em, a week is shown unless the page or the guest wants a day: its days are beside each other then. */
const WEEK_WIDTH = 50;

const measureInEm = (element: HTMLElement) => element.clientWidth / parseFloat(getComputedStyle(element).fontSize);

interface Requested { quantity: number; resource?: string }
type ShownSlots = Result<{ slots: ShownSlot[]; timezone: string }>;

export class Picker {
  offer: Offer | undefined;
  chosen: ShownSlot | undefined;
  quantity = 1;
  host = "";
  timezone = "UTC";
  private view: View = "day";
  private day = today();
  // Whether the first day with something free is to be shown.
  private seeksFree = false;
  private slots: ShownSlot[] = [];
  /** The days that `slots` has. */
  private loaded: Range | undefined;
  // A list that was asked for before the event type was known, and what for.
  private early: { request: string; list: Promise<ShownSlots> } | undefined;
  // The failures in a row, and what asks again after one.
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  // Counts the loads. The result of a load is dropped if another has started since.
  private loads = 0;
  readonly live = new LiveSlots(() => void this.load({ isQuiet: true }));

  /** `onChoice` is called whenever something that a booking depends on has changed. */
  constructor(private readonly shared: Shared, private readonly onChoice: () => void) {}

  /** Asks for the slots of the wanted days before the event type is known, so that one answer does not wait for the other. */
  begin(wanted: { view: string | null; day: string | null }): void {
    const { byId, host, eventType } = this.shared;
    const draft = drafts.load(eventType());
    this.quantity = draft.quantity ?? 1;
    this.host = draft.host ?? "";
    const day = wanted.day ?? draft.day ?? null;
    this.seeksFree = !day;
    this.day = parseDay(day);
    const week = findWeek(this.day);
    this.early = { request: this.describeRequest(week), list: this.fetchSlots(week) };
    this.follow(week);
    // The width takes a while on a slow telephone.
    const view = wanted.view ?? draft.view ?? (measureInEm(host) >= WEEK_WIDTH ? "week" : "day");
    this.view = view === "week" ? "week" : "day";
    // The card has its place before the slots come.
    byId("slots").dataset.view = this.view;
  }

  /** Shows an event type for the first time: the wanted days, else the first that have something free. */
  async open(offer: Offer): Promise<void> {
    this.offer = offer;
    this.timezone = offer.timezone;
    this.quantity = Math.min(this.quantity, offer.max_quantity);
    if (!offer.resources.some(({ id }) => id === this.host)) this.host = "";
    await this.load();
  }

  /** Ends everything that goes on: nothing is asked for any more. */
  close(): void {
    this.offer = undefined;
    this.early = undefined;
    this.loads += 1;
    clearTimeout(this.retry);
    this.live.stop();
  }

  /** Moves to other days, as the page wants. */
  async show(view: string | null, day: string | null): Promise<void> {
    if (view) this.view = view === "week" ? "week" : "day";
    this.seeksFree = false;
    this.day = parseDay(day);
    await this.load();
  }

  listen(form: HTMLElement): void {
    const { byId } = this.shared;
    const onClick = (id: string, act: () => unknown) => byId(id).addEventListener("click", () => void act());
    onClick("fewer", () => this.setQuantity(this.quantity - 1));
    onClick("more", () => this.setQuantity(this.quantity + 1));
    onClick("previous", () => this.turn(-1));
    onClick("next", () => this.turn(1));
    onClick("next-free", () => this.goToNextFree(this.range.to));
    byId("slots").addEventListener("click", ({ target }) => {
      const key = (target as Element).closest("button")?.dataset.day;
      if (key) void this.move("day", parseDay(key));
    });
    form.addEventListener("change", ({ target }) => this.onChange(target as HTMLInputElement));
  }

  /** Loads the slots of the shown week. A quiet load follows a hint: it changes only what has changed. */
  async load({ isQuiet = false } = {}): Promise<void> {
    const { byId } = this.shared;
    // A load that runs already brings the latest slots.
    if (!this.offer || (isQuiet && byId("slots").dataset.state === "loading")) return;
    const thisLoad = ++this.loads;
    clearTimeout(this.retry);
    if (!isQuiet) byId("slots").dataset.state = "loading";
    const week = this.findShownWeek();
    this.keepDraft();
    this.follow(week);
    const result = await this.takeSlots(week);
    if (thisLoad !== this.loads) return;
    // The first answer may say that it is another day than by the guest's clock.
    if (result.answer && this.findShownWeek().from.getTime() !== week.from.getTime()) return this.load();
    this.planRetry(result);
    const { answer } = result;
    // What is shown stays while nobody answers, but not what is no longer for sale.
    if (isQuiet && !answer && result.problem?.code !== "not_found") return;
    const isSameWeek = this.loaded?.from.getTime() === week.from.getTime();
    // Nothing is drawn again without need: the guest may be about to choose.
    if (isQuiet && isSameWeek && JSON.stringify(answer?.slots) === JSON.stringify(this.slots)) return;
    this.showLoaded(week, result, isQuiet);
  }

  private showLoaded(week: Range, result: ShownSlots, isQuiet: boolean): void {
    const { byId, language, format } = this.shared;
    const { answer } = result;
    this.slots = answer?.slots ?? [];
    this.timezone = answer?.timezone ?? this.timezone;
    this.loaded = answer ? week : undefined;
    const isSeeking = this.seeksFree && answer !== undefined;
    if (isSeeking) this.showFirstFree();
    const now = this.slots.find(({ starts_at }) => starts_at === this.chosen?.starts_at);
    // What a hint takes from the guest stays chosen, so that the next step explains it and offers other times.
    if (now && now.status !== "free" && !isQuiet) this.chosen = undefined;
    this.draw();
    byId("slots").dataset.state = answer ? "ready" : "unavailable";
    if (isSeeking && this.seeksFree) void this.goToNextFree(week.to);
    if (answer) return;
    setText(byId("notice"), explain(result, language.texts, format));
    byId("next-free").hidden = true;
  }

  /** Plans to ask again after a failure that may pass. */
  private planRetry(result: ShownSlots): void {
    this.failures = result.answer ? 0 : this.failures + 1;
    if (result.answer || !isPassing(result)) return;
    // A page that is hidden asks when it is shown again.
    const look = () => { if (!document.hidden) void this.load({ isQuiet: true }); };
    this.retry = setTimeout(look, retryPause(this.failures, result.retryAfter));
  }

  /** Finds the week to show. A day that has passed meanwhile is today. */
  private findShownWeek(): Range {
    if (this.day < today()) this.day = today();
    return findWeek(this.day);
  }

  private follow({ from, to }: Range): void {
    const { api, eventType } = this.shared;
    this.live.follow(api.slotStream(eventType(), from, to));
  }

  /** Chooses a slot that may be on other days than the shown ones. */
  async choose(slot: ShownSlot, host = this.host): Promise<void> {
    this.host = host;
    this.chosen = slot;
    this.day = startOfDay(slot.starts_at);
    await this.load();
  }

  /** Finds this slot if any resource serves then. */
  async findAnyone(slot: ShownSlot): Promise<ShownSlot | undefined> {
    const { api, eventType } = this.shared;
    const [from, to] = [new Date(slot.starts_at), new Date(slot.ends_at)];
    const { answer } = await api.slots(eventType(), from, to, { quantity: this.quantity, status: "free" });
    const found = answer?.slots.find(({ starts_at }) => starts_at === slot.starts_at);
    return found && { ...found, left: found.available };
  }

  get hostName(): string | undefined {
    return this.offer?.resources.find(({ id }) => id === this.host)?.name;
  }

  keepDraft(): void {
    const { byId, eventType } = this.shared;
    const field = (id: string) => byId<HTMLInputElement>(id).value;
    drafts.save(eventType(), {
      view: this.view, day: dayKey(this.day), quantity: this.quantity, host: this.host,
      name: field("name"), email: field("email"),
    });
  }

  private get range(): Range { return findRange(this.view, this.day); }

  private get requested(): Requested {
    return this.host ? { quantity: this.quantity, resource: this.host } : { quantity: this.quantity };
  }

  private describeRequest(week: Range): string { return JSON.stringify([week, this.requested]); }

  /** Takes the list that was asked for early, if it is the same, or asks for it now. */
  private takeSlots(week: Range): Promise<ShownSlots> {
    const { early } = this;
    this.early = undefined;
    return early?.request === this.describeRequest(week) ? early.list : this.fetchSlots(week);
  }

  private async fetchSlots({ from, to }: Range): Promise<ShownSlots> {
    const { api, eventType } = this.shared;
    const ask = (requested: Requested) => api.slots(eventType(), from, to, requested);
    // For several places, a slot says how many such bookings it takes: how many places are left is another question.
    const [wanted, single] = await Promise.all([
      ask(this.requested), this.quantity > 1 ? ask({ ...this.requested, quantity: 1 }) : undefined,
    ]);
    const { answer, ...failure } = wanted;
    if (!answer || (single && !single.answer)) return answer ? { retryAfter: 0 } : failure;
    const left = new Map((single?.answer ?? answer).slots.map((slot) => [slot.starts_at, slot.available]));
    const slots = answer.slots.map((slot) => ({ ...slot, left: left.get(slot.starts_at) ?? 0 }));
    return { answer: { slots, timezone: answer.timezone }, retryAfter: 0 };
  }

  /** Moves to the first day that has something free, if there is one in what is loaded. */
  private showFirstFree(): void {
    const free = this.slots.find(({ status }) => status === "free");
    if (!free) return;
    this.seeksFree = false;
    this.day = startOfDay(free.starts_at);
    this.keepDraft();
  }

  /** Shows the first day from `from` on that has a free slot, if there is one. */
  private async goToNextFree(from: Date): Promise<void> {
    const { api, byId, eventType, language } = this.shared;
    const thisLoad = ++this.loads;
    this.seeksFree = false;
    byId("slots").dataset.state = "loading";
    const until = addDays(from, MAX_PERIOD_DAYS - 1);
    const { answer } = await api.slots(eventType(), from, until, { ...this.requested, status: "free", limit: 1 });
    if (thisLoad !== this.loads) return;
    const free = answer?.slots[0];
    if (free) this.day = startOfDay(free.starts_at);
    await this.load();
    if (answer && !free) setText(byId("notice"), language.texts.nothingAhead);
  }

  private onChange({ name, id, value }: HTMLInputElement): void {
    if (id === "quantity") this.setQuantity(Number(value));
    if (name === "view") void this.move(value as View, value === "day" && this.view === "week" ? this.dayOfWeek() : this.day);
    if (name === "resource") {
      this.host = value;
      this.onChoice();
      void this.load();
    }
    if (name === "starts_at") {
      this.chosen = this.slots.find(({ starts_at }) => starts_at === value);
      this.onChoice();
    }
  }

  private setQuantity(quantity: number): void {
    const valid = Number.isInteger(quantity) ? quantity : 1;
    this.quantity = Math.min(Math.max(valid, 1), this.offer?.max_quantity ?? 1);
    this.onChoice();
    void this.load();
  }

  private turn(pages: number): Promise<void> {
    return this.move(this.view, addDays(this.range.from, pages * (this.view === "week" ? 7 : 1)));
  }

  private async move(view: View, day: Date): Promise<void> {
    this.view = view;
    this.seeksFree = false;
    this.day = day < today() ? today() : day;
    this.shared.tell("holdfast-view", { view: this.view, day: dayKey(this.day) });
    await this.load();
  }

  /** Finds the day of a week to show: the chosen slot's, else the first with a free slot. */
  private dayOfWeek(): Date {
    const { from, to } = this.range;
    const isShown = (slot: ShownSlot) => from <= new Date(slot.starts_at) && new Date(slot.starts_at) < to;
    const free = this.slots.find(({ status }) => status === "free");
    const slot = this.chosen && isShown(this.chosen) ? this.chosen : free;
    return slot ? startOfDay(slot.starts_at) : this.day;
  }

  private draw(): void {
    const { host } = this.shared;
    // The lists are created again, so the focus must return to what had it.
    const focused = host.shadowRoot?.activeElement;
    const [name, value, key] = focused instanceof HTMLElement
      ? [focused.getAttribute("name"), focused.getAttribute("value"), focused.dataset.day] : [];
    const isRadio = focused instanceof HTMLInputElement && focused.type === "radio";
    this.drawOptions();
    this.drawCalendar();
    this.onChoice();
    const find = (css: string) => host.shadowRoot?.querySelector<HTMLElement>(css);
    if (isRadio) find(`input[name="${name}"][value="${CSS.escape(value ?? "")}"]`)?.focus();
    else if (key) find(`[data-day="${key}"]`)?.focus();
  }

  private drawOptions(): void {
    const { byId, language } = this.shared;
    const { offer } = this;
    if (!offer) return;
    byId("places").hidden = offer.max_quantity < 2;
    Object.assign(byId("quantity"), { value: this.quantity, max: offer.max_quantity });
    byId<HTMLButtonElement>("fewer").disabled = this.quantity <= 1;
    byId<HTMLButtonElement>("more").disabled = this.quantity >= offer.max_quantity;
    byId("with").hidden = offer.resources.length < 2;
    const anyone = { id: "", name: language.texts.anyone };
    byId("hosts").replaceChildren(...[anyone, ...offer.resources].map(({ id, name }) =>
      createChoice("resource", id, [name], id === this.host)));
  }

  private drawCalendar(): void {
    const { byId, host, language, format } = this.shared;
    const { texts } = language;
    const { view, slots, chosen } = this;
    const { from, to } = this.range;
    for (const input of host.shadowRoot?.querySelectorAll<HTMLInputElement>("input[name=view]") ?? []) {
      input.checked = input.value === view;
    }
    const isWeek = view === "week";
    setText(byId("range"), isWeek ? format.days(from, addDays(to, -1)) : format.day(from));
    byId("previous").setAttribute("aria-label", isWeek ? texts.previousWeek : texts.previousDay);
    byId("next").setAttribute("aria-label", isWeek ? texts.nextWeek : texts.nextDay);
    byId<HTMLButtonElement>("previous").disabled = from <= today();
    const shown = slots.filter(({ starts_at }) => from <= new Date(starts_at) && new Date(starts_at) < to);
    byId("slots").dataset.view = view;
    const calendar = { view, from, slots, chosen: chosen?.starts_at, texts, format };
    byId("slots").replaceChildren(...(shown.length ? drawSlots(calendar) : []));
    const isFree = shown.some(({ status }) => status === "free");
    const nothingFree = isWeek ? texts.nothingFreeWeek : texts.nothingFreeDay;
    const nothingOffered = isWeek ? texts.nothingOfferedWeek : texts.nothingOfferedDay;
    setText(byId("notice"), isFree ? "" : shown.length ? nothingFree : nothingOffered);
    byId("next-free").hidden = isFree;
    this.drawZone();
  }

  private drawZone(): void {
    const { byId, language, format } = this.shared;
    const { from, to } = this.range;
    const isOther = [from, to].some((instant) => format.isOtherClock(instant, this.timezone));
    const { zone, shopZone } = language.texts;
    setText(byId("zone"), isOther
      ? `${zone(format.zone(from))} ${shopZone(format.zone(from, this.timezone))}` : zone(format.zone(from)));
  }

  /** Describes the choice, in lines. */
  describe(): HTMLElement[] {
    const { language, format } = this.shared;
    const { chosen: slot, offer, quantity, timezone } = this;
    const { texts } = language;
    if (!slot || !offer) return [create("p", {}, texts.chooseFirst)];
    const many = quantity > 1 ? `, ${texts.manyPlaces(quantity)}` : "";
    const whom = this.hostName && offer.segments.length === 1 ? texts.withHost(this.hostName) : "";
    // A name may be written from right to left, which must not turn what follows it.
    const names = [offer.name, whom].filter(Boolean).flatMap((text) => [" ", create("bdi", {}, text)]).slice(1);
    const lines: HTMLElement[] = [
      create("p", {}, create("strong", {}, ...names, many)),
      create("p", {}, `${format.day(slot.starts_at)}, ${format.times(slot)}`),
    ];
    if (format.isOtherClock(slot.starts_at, timezone)) {
      const text = texts.inZone(format.zone(slot.starts_at, timezone), format.timesIn(slot, timezone));
      lines.push(create("p", { class: "quiet small" }, text));
    }
    if (offer.segments.length > 1) lines.push(create("ul", { class: "parts small" }, ...this.describeParts(slot, offer)));
    return lines;
  }

  /** Lists a slot's segments: when each is, and who serves it. */
  private describeParts(slot: ShownSlot, { segments }: Offer): HTMLElement[] {
    const { format } = this.shared;
    const later = (minutes: number) => new Date(new Date(slot.starts_at).getTime() + minutes * 60_000);
    return segments.map(({ offset_minutes: begin, duration_minutes: takes, resources }, number) => {
      const chosen = number === 0 ? this.hostName : undefined;
      const whom = chosen ?? format.anyOf(resources.map(({ name }) => name));
      const when = format.times({ starts_at: later(begin), ends_at: later(begin + takes) });
      return create("li", {}, create("span", {}, when), " ", create("bdi", {}, whom));
    });
  }
}
