/* Many event streams from one process, with the time at which each frame came.
 *
 *   streams PORT RECORDS COUNT PATH read|stall [COUNT PATH read|stall ...]
 *
 * Opens COUNT streams of each PATH on 127.0.0.1:PORT, from many source addresses 127.0.x.y. Streams that
 * `stall` read the answer's head and then nothing more. Prints "ready" when every stream has its head; for a
 * number on standard input it prints how many streams have been sent that id or a later one; at the end of
 * standard input it writes the file RECORDS and prints how many streams the server had closed.
 * A record is the CLOCK_MONOTONIC time in ns (64 bits), the number after "id: " and the stream's number
 * (32 bits each), in the order of this machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	OPENING_AT_ONCE = 200,
	STREAMS_PER_ADDRESS = 100,
	SEGMENT = 1448,          /* bytes: as on the internet; loopback's own would buffer megabytes */
	STALLED_BUFFER = 4096,   /* bytes that the kernel keeps for a stream that reads nothing */
	BUFFER = 1 << 18,
};

enum state { CONNECTING, HEAD, OPEN, STALLED, CLOSED };

struct stream {
	int fd;
	enum state state;
	int stalls;
	const char *path;
	unsigned matched; /* bytes of the mark that were seen last */
	int in_id;
	uint32_t id;
	uint32_t latest;
};

struct record {
	uint64_t at;
	uint32_t id;
	uint32_t stream;
};

static const char END_OF_HEAD[] = "\r\n\r\n";
static const char MARK[] = "\nid: "; /* begins a frame's id; JSON never holds it */

static struct stream *streams;
static int total, next_to_open, opening, opened, closed_by_server;
static struct record *records;
static size_t record_count, record_room;
static int events_fd, port;
static char buffer[BUFFER];

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

static void note(uint64_t at, uint32_t id, uint32_t stream)
{
	if (record_count == record_room) {
		record_room = record_room ? 2 * record_room : 1 << 16;
		records = realloc(records, record_room * sizeof *records);
		if (!records)
			fail("realloc");
	}
	records[record_count++] = (struct record){at, id, stream};
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof value))
		fail("setsockopt");
}

static void start_opening(int number)
{
	struct stream *stream = &streams[number];
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct epoll_event event = {.events = EPOLLOUT, .data.u32 = number};
	int source = number / STREAMS_PER_ADDRESS;

	stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (stream->fd < 0)
		fail("socket");
	set(stream->fd, IPPROTO_TCP, TCP_MAXSEG, SEGMENT);
	set(stream->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (stream->stalls)
		set(stream->fd, SOL_SOCKET, SO_RCVBUF, STALLED_BUFFER);
	address.sin_addr.s_addr = htonl(0x7f000000 + ((1 + source / 250) << 8) + 1 + source % 250);
	if (bind(stream->fd, (struct sockaddr *)&address, sizeof address))
		fail("bind");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
		fail("connect");
	if (epoll_ctl(events_fd, EPOLL_CTL_ADD, stream->fd, &event))
		fail("epoll_ctl");
	opening++;
}

static void send_request(int number)
{
	struct stream *stream = &streams[number];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
	char request[8192];
	int error = 0, length;
	socklen_t size = sizeof error;

	getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		errno = error;
		fail("connect");
	}
	length = snprintf(request, sizeof request,
	                  "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n\r\n",
	                  stream->path, port);
	if (write(stream->fd, request, length) != length)
		fail("write");
	stream->state = HEAD;
	if (epoll_ctl(events_fd, EPOLL_CTL_MOD, stream->fd, &event))
		fail("epoll_ctl");
}

/* Look for the end of the head; returns how many bytes of data belong to it. */
static size_t read_head(int number, const char *data, size_t length)
{
	struct stream *stream = &streams[number];
	size_t at;

	if (length < 12 || (stream->matched == 0 && memcmp(data, "HTTP/1.1 200", 12))) {
		fprintf(stderr, "a stream was answered: %.*s\n", (int)length, data);
		exit(1);
	}
	for (at = 0; at < length; at++) {
		stream->matched = data[at] == END_OF_HEAD[stream->matched] ? stream->matched + 1 : data[at] == '\r';
		if (stream->matched == sizeof END_OF_HEAD - 1) {
			stream->matched = 0;
			stream->state = stream->stalls ? STALLED : OPEN;
			if (stream->stalls && epoll_ctl(events_fd, EPOLL_CTL_DEL, stream->fd, NULL))
				fail("epoll_ctl");
			opening--;
			if (++opened == total) {
				puts("ready");
				fflush(stdout);
			}
			return at + 1;
		}
	}
	return length;
}

static void read_frames(int number, const char *data, size_t length)
{
	struct stream *stream = &streams[number];
	uint64_t at = now();

	for (const char *end = data + length; data < end; data++) {
		if (stream->in_id) {
			if (*data >= '0' && *data <= '9') {
				stream->id = stream->id * 10 + (uint32_t)(*data - '0');
				continue;
			}
			note(at, stream->id, number);
			stream->latest = stream->id;
			stream->in_id = 0;
		}
		stream->matched = *data == MARK[stream->matched] ? stream->matched + 1 : *data == '\n';
		if (stream->matched == sizeof MARK - 1) {
			stream->matched = 0;
			stream->in_id = 1;
			stream->id = 0;
		}
	}
}

static void receive(int number)
{
	struct stream *stream = &streams[number];
	ssize_t length = read(stream->fd, buffer, sizeof buffer);
	size_t head = 0;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		if (stream->state == HEAD) {
			fprintf(stderr, "the server closed a stream before it answered\n");
			exit(1);
		}
		close(stream->fd);
		stream->state = CLOSED;
		closed_by_server++;
		return;
	}
	if (stream->state == HEAD)
		head = read_head(number, buffer, length);
	if (stream->state == OPEN)
		read_frames(number, buffer + head, length - head);
}

static int count_reached(uint32_t id)
{
	int count = 0;

	for (int number = 0; number < total; number++)
		count += streams[number].latest >= id;
	return count;
}

static void finish(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(records, sizeof *records, record_count, file) != record_count || fclose(file))
		fail(path);
	printf("%d\n", closed_by_server);
}

int main(int argc, char **argv)
{
	struct epoll_event events[1024];
	struct epoll_event standard_input = {.events = EPOLLIN | EPOLLHUP, .data.u32 = UINT32_MAX};
	int argument, number, ready;

	if (argc < 6 || argc % 3) {
		fprintf(stderr, "usage: streams PORT RECORDS COUNT PATH read|stall [COUNT PATH read|stall ...]\n");
		return 2;
	}
	port = atoi(argv[1]);
	for (argument = 3; argument < argc; argument += 3)
		total += atoi(argv[argument]);
	streams = calloc(total, sizeof *streams);
	events_fd = epoll_create1(0);
	if (!streams || events_fd < 0 || epoll_ctl(events_fd, EPOLL_CTL_ADD, STDIN_FILENO, &standard_input))
		fail("epoll");
	for (argument = 3, number = 0; argument < argc; argument += 3)
		for (int left = atoi(argv[argument]); left > 0; left--, number++) {
			streams[number].path = argv[argument + 1];
			streams[number].stalls = !strcmp(argv[argument + 2], "stall");
		}
	for (;;) {
		while (next_to_open < total && opening < OPENING_AT_ONCE)
			start_opening(next_to_open++);
		ready = epoll_wait(events_fd, events, 1024, -1);
		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int each = 0; each < ready; each++) {
			if (events[each].data.u32 == UINT32_MAX) {
				ssize_t length = read(STDIN_FILENO, buffer, sizeof buffer - 1);

				if (length <= 0) {
					finish(argv[2]);
					return 0;
				}
				buffer[length] = 0;
				printf("%d\n", count_reached((uint32_t)strtoul(buffer, NULL, 10)));
				fflush(stdout);
				continue;
			}
			number = (int)events[each].data.u32;
			if (streams[number].state == CONNECTING)
				send_request(number);
			else
				receive(number);
		}
	}
}
