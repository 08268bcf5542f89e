//! Every limit that the product enforces, in one place. A refusal names the limit it met.

/// Bytes of a JSON request body.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a JSON request body that is no batch of sales and no document of events.
pub const ENTRY_REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Values in a request body whose members follow from its kind, as nearly as their number can be told by its commas.
pub const ENTRY_REQUEST_VALUES_MAX: usize = 10_000;
/// Bytes of the bodies of one account or credential that are in hand at a time; the others wait for them.
pub const BODIES_OF_ONE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of the answers to one account or credential that are kept until they are taken; the others wait as long.
pub const ANSWERS_OF_ONE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a body that are kept of whoever has not signed in.
pub const BODY_OF_NOBODY_BYTES_MAX: usize = 32 * 1024;
/// Bytes of the JCS form of one entry's body.
pub const BODY_BYTES_MAX: usize = 48 * 1024;
/// Bytes of one EPCIS event where each item of a list has its whole name, as in XML and in what is hashed.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of what queries find the events of one document by.
pub const INDEX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the events of one page of the EPCIS query interface; a page of one event may take as many.
pub const EPCIS_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the canonical head of one entry; tlog-tiles bundles carry a 16-bit length.
pub const HEAD_BYTES_MAX: usize = 60 * 1024;
/// Subjects named by one entry.
pub const SUBJECTS_MAX: usize = 256;
/// Evidence digests of one entry.
pub const EVIDENCE_MAX: usize = 16;
/// Bytes of one evidence file.
pub const EVIDENCE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Bytes of a file that a plan is taken over from.
pub const PLAN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Characters of an identifier of a subject.
pub const SUBJECT_CHARS_MAX: usize = 256;
/// Milliseconds that an entry may lie in the future of the server's clock: scales drift.
pub const FUTURE_MS_MAX: i64 = 5 * 60 * 1000;
/// Sales in one batch of the scale contract.
pub const SALES_PER_BATCH_MAX: usize = 2_000;
/// Sales of one scale that are recorded on a day of the city, unless the configuration says otherwise: a busy one has some
/// hundreds.
pub const DEVICE_ENTRIES_OF_DAY_MAX: u64 = 20_000;
/// Messages of one scale over MQTT that are in hand at a time, of its sales or of its confirmations.
pub const SCALE_MESSAGES_MAX: usize = 32;
/// Bytes of them together, where there is more than one.
pub const SCALE_MESSAGES_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of the messages of all scales over MQTT that are in hand at a time.
pub const MESSAGES_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Lots that may come out of one, by split or transfer and in however many steps, those that are sold out included: they
/// are held and released with it in one turn of the writer, and its recall names them all.
pub const LOT_FAMILY_MAX: usize = 500;
/// Whoever takes a part over may make a fifth of that of it, and so on, so that no buyer uses up what its seller may make of
/// the rest.
pub const LOT_BRANCH_PART: usize = 5;
/// Scales at one stall: each is told of every hold there.
pub const SCALES_AT_STALL_MAX: usize = 50;
/// Products of one market: the state of every scale names them.
pub const PRODUCTS_MAX: usize = 1_000;
/// Scales, stalls and merchants of one market: whatever of their verifications and papers runs out is owed.
pub const SCALES_MAX: usize = 5_000;
pub const STALLS_MAX: usize = 5_000;
pub const MERCHANTS_MAX: usize = 20_000;
/// Holds in the state of a scale, and in one of its confirmations.
pub const BLOCKS_MAX: usize = 2_000;
/// Lots in the state of a scale.
pub const LOTS_ON_SALE_MAX: usize = 200;
/// Events in one document of the EPCIS capture interface.
pub const EVENTS_PER_CAPTURE_MAX: usize = 1_000;
/// Appends waiting for the writer before it answers 503.
pub const WRITER_QUEUE_MAX: usize = 4_096;
/// Jobs committed together at most.
pub const GROUP_JOBS_MAX: usize = 512;
/// Entries committed together at most.
pub const GROUP_ENTRIES_MAX: usize = 8_000;
/// Hops of a trace.
pub const TRACE_DEPTH_MAX: usize = 32;
/// Subjects visited by a trace.
pub const TRACE_SUBJECTS_MAX: usize = 200_000;
/// Subjects visited, and milliseconds taken, by a walk for a page that anybody may open.
pub const PUBLIC_TRACE_SUBJECTS_MAX: usize = 500;
pub const PUBLIC_TRACE_MS_MAX: u64 = 200;
/// Such walks at a time: a few of the readers that SQLite has, so that the others stay free.
pub const PUBLIC_TRACES_MAX: usize = 2;
/// Walks with the product's bounds at a time.
pub const TRACES_MAX: usize = 2;
/// Requests of one account or credential that are read for at a time; the others wait their turn.
pub const READS_OF_ONE_MAX: usize = 4;
/// Reads whose cost whoever asks shapes (EPCIS queries, and what subscriptions and sockets tell) at a time, half of the readers
/// that SQLite has; those of one owner among them; and how long one may take, to which its last statement adds.
pub const SEARCHES_MAX: usize = 6;
pub const SEARCHES_OF_ONE_MAX: usize = 2;
pub const SEARCH_MS_MAX: u64 = 20_000;
/// Requests of one account or credential that have something decided and recorded at a time; the others wait their turn.
pub const WRITES_OF_ONE_MAX: usize = 16;
/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: usize = 200;
/// Days of a period that a figure is asked for: somewhat more than ten years.
pub const FIGURE_DAYS_MAX: i32 = 3_700;
/// What a book's sum of a figure over a day or a month may come to, either way, and ten times that what stands of one: a
/// thousand books and centuries of months add up to no more than numbers hold.
pub const FIGURE_SUM_MAX: i64 = 1_000_000_000_000_000;
/// From where on an amount is asked whether its sums have room for it; millions of smaller ones a day have.
pub const FIGURE_AMOUNT_LARGE: i64 = 10_000_000_000;
/// Characters of a free text field.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Characters of a name or title.
pub const NAME_CHARS_MAX: usize = 120;
/// Seconds that a live stream stays open. Rights are looked at when it opens; whoever still has them opens it again.
pub const STREAM_SECONDS_MAX: u64 = 300;
/// Connections that are open at a time; whoever comes then waits for a place.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Those of one address, or IPv6 network of 64 bits, that is neither a trusted proxy nor the machine itself; more are closed at
/// once.
pub const CONNECTIONS_OF_ONE_MAX: usize = 2_000;
/// Seconds until the head of a request is there, from the beginning of a connection or the end of the answer before. An idle
/// connection ends after them.
pub const REQUEST_HEAD_SECONDS_MAX: u64 = 30;
/// Bytes of the head of a request.
pub const REQUEST_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Seconds that a request may take, its body included; not those that open a stream.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Seconds that a caller may take nothing of its answer, or of a stream.
pub const UNREAD_SECONDS_MAX: u64 = 30;
