/* A crowd of readers from one process: each comes when it is due, looks at a poll, and mostly votes.
 *
 *   crowd PORT RECORDS READERS MILLISECONDS OPEN PERCENT POLL ORIGIN ARTICLE
 *
 * READERS come evenly within MILLISECONDS, each on a connection of its own, from the address of its network:
 * a fifth through one of 30 carriers, the others from 16,384 homes, each in a /24 of its own within 127.0.0.0/8.
 * All GET the poll; PERCENT of them vote, as new readers, on the same connection; one voter in 50 sends its
 * vote twice. At most OPEN connections are open at once: who comes then waits for one. Who is answered 429 or
 * 503 hangs up and comes again after Retry-After, and up to half as long again, as the widget does; any other
 * answer that was not asked for, and a connection that breaks, is counted and ends the visit.
 *
 * Prints a JSON object: how many answers there were by status, and connections that broke. RECORDS is a record
 * for each visit, in the order in which they ended: CLOCK_MONOTONIC times in ns (64 bits each) of when the reader
 * was due, when its vote was first sent (0: it did not vote), when its last try was sent, when it was answered,
 * and when all was done; then the version of the results in that answer and the number of refusals (32 bits each).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CARRIERS = 30,
	HOMES = 1 << 14,
	THROUGH_CARRIERS = 20, /* per cent */
	TWICE = 50,            /* one voter in so many sends its vote twice */
	SLOT = 10,             /* ms: how exactly who waits comes */
	SLOTS = 60000,         /* 10 minutes, by when all must have ended */
	STATUSES = 600,
	BUFFER = 1 << 15,
	KEY = 22,
};

enum step { GET, VOTE, AGAIN, DONE };

struct reader {
	int fd;
	int next; /* who waits for the same slot */
	enum step step;
	int connecting, votes, refused, filled;
	uint32_t network, version;
	uint64_t due, came, first_sent, sent, answered;
	char key[KEY];
	char *buffer; /* while it is connected */
};

struct record {
	uint64_t due, first_sent, sent, answered, done;
	uint32_t version, refused;
};

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct reader *readers;
static int slots[SLOTS];
static uint64_t begin;
static int events_fd, port, total, ended, open_now, broken;
static int statuses[STATUSES];
static uint32_t carrier_until[CARRIERS];
static const char *poll, *origin, *article;
static FILE *records;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint32_t chance(uint32_t below)
{
	return (uint32_t)random() % below;
}

static void wait_until(int number, uint64_t time)
{
	uint64_t slot = time <= begin ? 0 : (time - begin) / 1000000 / SLOT;

	if (slot >= SLOTS) {
		fprintf(stderr, "a reader had to wait for more than 10 minutes\n");
		exit(1);
	}
	readers[number].next = slots[slot];
	slots[slot] = number;
}

/* The nth carrier has 1/n as many readers as the first one. */
static uint32_t network(void)
{
	uint32_t pick, carrier = 0, home;

	if (chance(100) < THROUGH_CARRIERS) {
		for (pick = chance(carrier_until[CARRIERS - 1]); pick >= carrier_until[carrier]; carrier++)
			;
		return 0x7f010001 + (carrier << 8);
	}
	home = chance(HOMES);
	return 0x7f400001 + (home << 8);
}

static void make(int number, int percent, uint64_t due)
{
	struct reader *reader = &readers[number];

	reader->due = due;
	reader->network = network();
	reader->votes = chance(100) < (uint32_t)percent;
	if (getrandom(reader->key, KEY, 0) != KEY)
		fail("getrandom");
	for (int each = 0; each < KEY; each++)
		reader->key[each] = LETTERS[reader->key[each] & 63];
	wait_until(number, due);
}

static void come(int number)
{
	struct reader *reader = &readers[number];
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct epoll_event event = {.events = EPOLLOUT, .data.u32 = number};
	int one = 1;

	reader->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (reader->fd < 0)
		fail("socket");
	setsockopt(reader->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(reader->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	address.sin_addr.s_addr = htonl(reader->network);
	if (bind(reader->fd, (struct sockaddr *)&address, sizeof address))
		fail("bind");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	if (connect(reader->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
		fail("connect");
	if (epoll_ctl(events_fd, EPOLL_CTL_ADD, reader->fd, &event))
		fail("epoll_ctl");
	reader->buffer = malloc(BUFFER);
	if (!reader->buffer)
		fail("malloc");
	reader->connecting = 1;
	reader->came = now();
	open_now++;
}

static void hang_up(int number)
{
	struct reader *reader = &readers[number];

	close(reader->fd);
	free(reader->buffer);
	reader->buffer = NULL;
	open_now--;
}

static void end(int number)
{
	struct reader *reader = &readers[number];
	struct record record = {reader->due, reader->first_sent, reader->sent, reader->answered, now(),
	                        reader->version, (uint32_t)reader->refused};

	hang_up(number);
	if (fwrite(&record, sizeof record, 1, records) != 1)
		fail("fwrite");
	ended++;
}

static void break_off(int number, const char *what)
{
	if (!broken++)
		fprintf(stderr, "%s of reader %d, step %d, %.1f s after it came at %.1f s: %s\n", what, number,
		        readers[number].step, (now() - readers[number].came) / 1e9,
		        (readers[number].came - begin) / 1e9, strerror(errno));
	end(number);
}

static void ask(int number)
{
	struct reader *reader = &readers[number];
	char request[2048], body[1024];
	int length;

	reader->filled = 0;
	if (reader->step == GET) {
		length = snprintf(request, sizeof request, "GET /api/v1/polls/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", poll);
	} else {
		length = snprintf(body, sizeof body, "{\"selection\":[%d],\"article\":\"%s\",\"idempotency_key\":\"%.*s\"}",
		                  number % 3 + 1, article, KEY, reader->key);
		length = snprintf(request, sizeof request,
		                  "POST /api/v1/polls/%s/votes HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: %s\r\n"
		                  "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
		                  poll, origin, length, body);
		if (reader->step == VOTE) {
			reader->sent = now();
			if (!reader->first_sent)
				reader->first_sent = reader->sent;
		}
	}
	if (write(reader->fd, request, length) != length)
		break_off(number, "write");
}

static void connected(int number)
{
	struct reader *reader = &readers[number];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
	int error = 0;
	socklen_t size = sizeof error;

	getsockopt(reader->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	reader->connecting = 0;
	if (error || epoll_ctl(events_fd, EPOLL_CTL_MOD, reader->fd, &event)) {
		errno = error ? error : errno;
		break_off(number, "connect");
		return;
	}
	ask(number);
}

/* The number after a text, or 0. */
static long number_after(const char *within, const char *text)
{
	const char *found = strcasestr(within, text);

	return found ? atol(found + strlen(text)) : 0;
}

static void answered(int number, int status, char *body)
{
	struct reader *reader = &readers[number];
	long patience = number_after(reader->buffer, "\r\nRetry-After: ");

	if (status < 0 || status >= STATUSES) {
		break_off(number, "status");
		return;
	}
	statuses[status]++;
	if (status == 429 || status == 503) {
		reader->refused++;
		hang_up(number);
		patience = (patience > 0 ? patience : 1) * 1000;
		wait_until(number, now() + (patience + chance(patience / 2 + 1)) * 1000000u);
		return;
	}
	if (status != (reader->step == VOTE ? 201 : 200)) {
		fprintf(stderr, "a reader was answered %d: %s\n", status, body);
		break_off(number, "answer");
		return;
	}
	if (reader->step == VOTE) {
		reader->answered = now();
		reader->version = (uint32_t)number_after(body, "\"version\":");
	}
	if (reader->step == GET)
		reader->step = reader->votes ? VOTE : DONE;
	else
		reader->step = reader->step == VOTE && number % TWICE == 0 ? AGAIN : DONE;
	if (reader->step == DONE)
		end(number);
	else
		ask(number);
}

static void receive(int number)
{
	struct reader *reader = &readers[number];
	ssize_t length = read(reader->fd, reader->buffer + reader->filled, BUFFER - 1 - reader->filled);
	char *body;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		errno = length ? errno : 0;
		break_off(number, "end");
		return;
	}
	reader->filled += length;
	reader->buffer[reader->filled] = 0;
	body = strstr(reader->buffer, "\r\n\r\n");
	if (!body)
		return;
	body += 4;
	if (reader->filled - (body - reader->buffer) >= number_after(reader->buffer, "\r\nContent-Length: "))
		answered(number, atoi(reader->buffer + sizeof "HTTP/1.1"), body);
}

static void report(void)
{
	if (fclose(records))
		fail("fclose");
	printf("{\"broken\": %d, \"statuses\": {", broken);
	for (int status = 0, some = 0; status < STATUSES; status++)
		if (statuses[status])
			printf("%s\"%d\": %d", some++ ? ", " : "", status, statuses[status]);
	puts("}}");
}

int main(int argc, char **argv)
{
	struct epoll_event events[1024];
	uint64_t within;
	int most, ready, number, slot = 0;

	if (argc != 10) {
		fprintf(stderr, "usage: crowd PORT RECORDS READERS MILLISECONDS OPEN PERCENT POLL ORIGIN ARTICLE\n");
		return 2;
	}
	port = atoi(argv[1]);
	records = fopen(argv[2], "wb");
	total = atoi(argv[3]);
	within = strtoull(argv[4], NULL, 10) * 1000000u;
	most = atoi(argv[5]);
	poll = argv[7];
	origin = argv[8];
	article = argv[9];
	readers = calloc(total, sizeof *readers);
	events_fd = epoll_create1(0);
	if (!records || !readers || events_fd < 0)
		fail(argv[2]);
	memset(slots, -1, sizeof slots);
	for (int carrier = 0; carrier < CARRIERS; carrier++)
		carrier_until[carrier] = (carrier ? carrier_until[carrier - 1] : 0) + 100000 / (carrier + 1);
	begin = now();
	for (number = 0; number < total; number++)
		make(number, atoi(argv[6]), begin + within / total * number);
	while (ended < total) {
		while (slot < SLOTS && begin + (uint64_t)slot * SLOT * 1000000 <= now() && open_now < most) {
			number = slots[slot];
			if (number < 0) {
				slot++;
				continue;
			}
			slots[slot] = readers[number].next;
			come(number);
		}
		ready = epoll_wait(events_fd, events, 1024, SLOT / 2);
		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int each = 0; each < ready; each++) {
			number = (int)events[each].data.u32;
			if (readers[number].connecting)
				connected(number);
			else
				receive(number);
		}
	}
	report();
	return 0;
}
