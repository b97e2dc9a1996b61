// SPDX-License-Identifier: GPL-2.0
/*
 * RDMA from and to device-dax, as an application does it: memory is registered
 * with libibverbs, a second queue pair in the same guest writes and reads it over
 * soft-RoCE, it is deregistered, and then the device can be unbound. hugetlbfs and
 * anonymous memory go through the same, to compare.
 *
 * Run as "rdma-bench" it prints what registering and deregistering 1 GiB costs.
 *
 * Linked statically: libibverbs then has the provider for soft-RoCE in it, and
 * looks for none on the disk.
 */
#define _GNU_SOURCE
#define RDMA_STATIC_PROVIDERS rxe
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <rdma/rdma_netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL
#define CHUNK	(64 * KIB)	/* moved at a time */
#define GUARD	64UL		/* bytes around it that must stay */
#define REPEATS	20
#define BENCH_REPEATS	3

#define HUGE_PAGES	"/proc/sys/vm/nr_hugepages"
#define NETDEV	"dummy0"
#define ADDRESS	"10.0.0.1"

#define ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)

/* What test_memory() and test_device() test. */
enum {
	REGISTERS, WRITES, READS, OUTLIVES, REPEATEDLY, RELEASES, MEMORY_TESTS,
	UNBINDS = MEMORY_TESTS, KEEPS, DEVICE_TESTS
};

static const char * const names[DEVICE_TESTS] = {
	[REGISTERS] = "all of it is registered and pinned",
	[WRITES] = "RDMA write to head, tail and across pages",
	[READS] = "RDMA read from head, tail and across pages",
	[OUTLIVES] = "a registration outlives its mapping",
	[REPEATEDLY] = "a part is registered and deregistered 20 times",
	[RELEASES] = "every pin was released",
	[UNBINDS] = "unbind after deregistering",
	[KEEPS] = "what RDMA wrote survives unbind and bind",
};

/* Memory to register. @len is what a test uses, all that a device has. */
struct memory {
	const char *kind;
	const char *row;	/* kind, map and align in the benchmark's table */
	enum { ANONYMOUS, HUGETLB, STATIC, DYNAMIC } type;
	const char *map;	/* of a static device */
	unsigned long align;	/* what a page of it has */
	size_t len;
};

/* The one device that is there at a time. */
static struct device dev;

static struct memory memories[] = {
	{ "anonymous 4K", "anon\t-\t4K", ANONYMOUS, NULL, BASE_PAGE, 256 * MIB },
	{ "hugetlbfs 2M", "hugetlb\t-\t2M", HUGETLB, NULL, 2 * MIB, 256 * MIB },
	{ "static mem 2M", "static\tmem\t2M", STATIC, "mem", 2 * MIB, 256 * MIB },
	{ "static mem 1G", "static\tmem\t1G", STATIC, "mem", GIB, 2 * GIB },
	{ "static dev 2M", "static\tdev\t2M", STATIC, "dev", 2 * MIB, 256 * MIB },
	{ "static dev 1G", "static\tdev\t1G", STATIC, "dev", GIB, 2 * GIB },
	{ "dynamic 2M", "dynamic\tmem\t2M", DYNAMIC, NULL, 2 * MIB, 256 * MIB },
};

#define KINDS		(sizeof(memories) / sizeof(*memories))
#define NOT_DEVICES	2

static bool is_device(const struct memory *memory)
{
	return memory->type == STATIC || memory->type == DYNAMIC;
}

/* ---- the network: one interface, and soft-RoCE on it ---- */

static int set_up_interface(void)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0), rc = -1;
	struct ifreq req = { .ifr_name = NETDEV };
	struct sockaddr_in *in = (struct sockaddr_in *)&req.ifr_addr;

	in->sin_family = AF_INET;
	inet_pton(AF_INET, ADDRESS, &in->sin_addr);
	if (!ioctl(sock, SIOCSIFADDR, &req) && !ioctl(sock, SIOCGIFFLAGS, &req)) {
		req.ifr_flags |= IFF_UP;
		rc = ioctl(sock, SIOCSIFFLAGS, &req);
	}
	if (rc)
		note("%s: %s; the kernel needs CONFIG_DUMMY", NETDEV, strerror(errno));
	close(sock);
	return rc;
}

static void attribute(struct nlmsghdr *msg, int type, const char *text)
{
	struct nlattr *attr = (struct nlattr *)((char *)msg + NLMSG_ALIGN(msg->nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + strlen(text) + 1;
	strcpy((char *)attr + NLA_HDRLEN, text);
	msg->nlmsg_len = NLMSG_ALIGN(msg->nlmsg_len) + NLA_ALIGN(attr->nla_len);
}

/* What "rdma link add rxe0 type rxe netdev dummy0" sends. */
static int add_link(void)
{
	union {
		struct nlmsghdr msg;
		char room[512];
	} to = { .msg = {
		.nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_NEWLINK),
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	} };
	struct {
		struct nlmsghdr msg;
		struct nlmsgerr err;
		char room[512];
	} from = { .err.error = -EIO };
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_RDMA);

	attribute(&to.msg, RDMA_NLDEV_ATTR_DEV_NAME, "rxe0");
	attribute(&to.msg, RDMA_NLDEV_ATTR_LINK_TYPE, "rxe");
	attribute(&to.msg, RDMA_NLDEV_ATTR_NDEV_NAME, NETDEV);
	if (send(sock, &to, to.msg.nlmsg_len, 0) < 0 || recv(sock, &from, sizeof(from), 0) < 0)
		from.err.error = -errno;
	close(sock);
	if (from.err.error)
		note("rxe on %s: %s; the kernel needs CONFIG_RDMA_RXE", NETDEV,
		     strerror(-from.err.error));
	return from.err.error;
}

/* ---- two connected queue pairs ---- */

static struct {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;	/* of the near side's buffer */
	char *buf;
	union ibv_gid gid;
	int gid_index;
	struct ibv_qp *near, *far;
} rdma;

/* The address of the interface is the port's only one that was IPv4. */
static int find_gid(void)
{
	uint32_t address;
	int i;

	inet_pton(AF_INET, ADDRESS, &address);
	for (i = 0; !ibv_query_gid(rdma.context, 1, i, &rdma.gid); i++)
		if (!rdma.gid.global.subnet_prefix && !memcmp(rdma.gid.raw + 12, &address, 4))
			return i;
	return -1;
}

static int connect_to(struct ibv_qp *qp, struct ibv_qp *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = ACCESS,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp_num,
		.max_dest_rd_atomic = 1,
		.max_rd_atomic = 1,
		.min_rnr_timer = 12,
		/* a second each, as emulation is slow */
		.timeout = 18,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = { .dgid = rdma.gid, .sgid_index = rdma.gid_index, .hop_limit = 1 },
		},
	};

	if (ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			  IBV_QP_ACCESS_FLAGS))
		return -1;
	attr.qp_state = IBV_QPS_RTR;
	if (ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			  IBV_QP_MIN_RNR_TIMER))
		return -1;
	attr.qp_state = IBV_QPS_RTS;
	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			     IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

static int set_up_rdma(void)
{
	struct ibv_device **devices;
	int nr = 0, i;

	if (set_up_interface() || add_link())
		return -1;
	devices = ibv_get_device_list(&nr);
	rdma.context = nr ? ibv_open_device(devices[0]) : NULL;
	if (!rdma.context) {
		note("libibverbs has %d devices: %s", nr, strerror(errno));
		return -1;
	}
	/* shared, since run() forks and a private page would be copied */
	rdma.buf = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rdma.pd = ibv_alloc_pd(rdma.context);
	rdma.cq = ibv_create_cq(rdma.context, 8, NULL, NULL, 0);
	rdma.mr = rdma.pd ? ibv_reg_mr(rdma.pd, rdma.buf, CHUNK, ACCESS) : NULL;
	if (!rdma.cq || !rdma.mr) {
		note("no completion queue or registration: %s", strerror(errno));
		return -1;
	}
	/* the address is there a moment after the interface */
	for (i = 0; (rdma.gid_index = find_gid()) < 0 && i < 100; i++)
		usleep(50000);
	if (rdma.gid_index < 0)
		note("the port has no address " ADDRESS);
	return rdma.gid_index < 0 ? -1 : 0;
}

static void disconnect(void)
{
	if (rdma.near)
		ibv_destroy_qp(rdma.near);
	if (rdma.far)
		ibv_destroy_qp(rdma.far);
	rdma.near = rdma.far = NULL;
}

/*
 * Make new pairs for each registration. A queue pair of the soft-RoCE of 5.10 holds
 * the registration that was last read through it, and its pins, for as long as the
 * pair exists, whatever happens to the memory meanwhile.
 */
static int connect_pairs(void)
{
	struct ibv_qp_init_attr init = {
		.send_cq = rdma.cq,
		.recv_cq = rdma.cq,
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 },
	};

	rdma.near = ibv_create_qp(rdma.pd, &init);
	rdma.far = ibv_create_qp(rdma.pd, &init);
	if (rdma.near && rdma.far && !connect_to(rdma.near, rdma.far) &&
	    !connect_to(rdma.far, rdma.near))
		return 0;
	note("the queue pairs do not connect: %s", strerror(errno));
	disconnect();
	return -1;
}

/* Move CHUNK bytes between the near side's buffer and memory registered as @far. */
static bool move(enum ibv_wr_opcode opcode, struct ibv_mr *far, const char *addr)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)rdma.buf, .length = CHUNK, .lkey = rdma.mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = opcode,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { .remote_addr = (uintptr_t)addr, .rkey = far->rkey },
	};
	struct ibv_wc wc;
	int nr;

	if (ibv_post_send(rdma.near, &wr, &bad)) {
		note("post: %s", strerror(errno));
		return false;
	}
	while (!(nr = ibv_poll_cq(rdma.cq, 1, &wc)))
		;
	if (nr < 0 || wc.status != IBV_WC_SUCCESS) {
		note("RDMA: %s", nr < 0 ? "no completion" : ibv_wc_status_str(wc.status));
		return false;
	}
	return true;
}

/* ---- content ---- */

/* Fill memory with other bytes than any fill before. */
static void fill(char *at, size_t len)
{
	static uint64_t state = 1;
	size_t i;

	for (i = 0; i < len; i += sizeof(state)) {
		state = state * 6364136223846793005UL + 1442695040888963407UL;
		memcpy(at + i, &state, sizeof(state));
	}
}

/* Where CHUNK bytes are moved: five places, two of them off every boundary. */
static size_t place(const struct memory *memory, int i)
{
	size_t border = memory->align > MIB ? memory->align : MIB;

	switch (i) {
	case 0: return 0;
	case 1: return memory->len - CHUNK;
	case 2: return border - CHUNK / 2;
	case 3: return memory->len - border - 40;
	default: return border / 2 + BASE_PAGE - 24;
	}
}

#define PLACES	5

static bool guards_are(const char *at, char value)
{
	size_t i;

	for (i = 0; i < GUARD; i++)
		if (at[i] != value)
			return false;
	return true;
}

/* RDMA write, read with the CPU. The bytes around it must stay. */
static bool writes(const struct memory *memory, char *addr, struct ibv_mr *mr)
{
	bool ok = true;
	int i;

	for (i = 0; i < PLACES; i++) {
		size_t at = place(memory, i), end = at + CHUNK;

		if (at)
			memset(addr + at - GUARD, i + 1, GUARD);
		if (end < memory->len)
			memset(addr + end, i + 1, GUARD);
		fill(rdma.buf, CHUNK);
		if (!move(IBV_WR_RDMA_WRITE, mr, addr + at) ||
		    memcmp(addr + at, rdma.buf, CHUNK) ||
		    (at && !guards_are(addr + at - GUARD, i + 1)) ||
		    (end < memory->len && !guards_are(addr + end, i + 1))) {
			note("%s: RDMA write to %#zx went wrong", memory->kind, at);
			ok = false;
		}
	}
	return ok;
}

/* Written with the CPU, RDMA read. */
static bool reads(const struct memory *memory, char *addr, struct ibv_mr *mr)
{
	bool ok = true;
	int i;

	for (i = 0; i < PLACES; i++) {
		size_t at = place(memory, i);

		fill(addr + at, CHUNK);
		memset(rdma.buf, 0, CHUNK);
		if (!move(IBV_WR_RDMA_READ, mr, addr + at) ||
		    memcmp(addr + at, rdma.buf, CHUNK)) {
			note("%s: RDMA read from %#zx went wrong", memory->kind, at);
			ok = false;
		}
	}
	return ok;
}

/* ---- one kind of memory ---- */

static int get_memory(struct memory *memory, size_t len)
{
	char pages[32];

	memory->len = len;
	switch (memory->type) {
	case ANONYMOUS:
		return 0;
	case HUGETLB:
		snprintf(pages, sizeof(pages), "%zu", len / memory->align);
		return file_write(HUGE_PAGES, pages);
	case STATIC:
		/* 1 GiB more than is used, for what stands before the data */
		return static_create(&dev, memory->map, memory->align, len + GIB);
	case DYNAMIC:
		if (dynamic_find(&dev) || dynamic_resize(&dev, memory->align, len))
			return -1;
		return device_bind(&dev);
	}
	return -1;
}

static void put_memory(struct memory *memory)
{
	if (memory->type == STATIC)
		static_destroy(&dev);
	else if (memory->type == HUGETLB)
		file_write(HUGE_PAGES, "0");
}

static char *map_memory(struct memory *memory)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;
	char *addr;

	if (is_device(memory)) {
		fd = open(dev.node, O_RDWR);
		flags = MAP_SHARED;
	} else if (memory->type == HUGETLB) {
		flags |= MAP_HUGETLB;
	}
	addr = mmap(NULL, memory->len, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (addr == MAP_FAILED) {
		note("%s: mmap: %s", memory->kind, strerror(errno));
		addr = NULL;
	}
	if (fd >= 0)
		close(fd);
	return addr;
}

static struct ibv_mr *reg(const struct memory *memory, char *addr, size_t len)
{
	struct ibv_mr *mr = ibv_reg_mr(rdma.pd, addr, len, ACCESS);

	if (!mr)
		note("%s: ibv_reg_mr: %s", memory->kind, strerror(errno));
	return mr;
}

/* Registered, unmapped, and then written and read. */
static bool outlives(struct memory *memory)
{
	size_t at = memory->len / 2 - CHUNK / 2;
	char *addr = map_memory(memory), *copy;
	struct ibv_mr *mr = addr ? reg(memory, addr, memory->len) : NULL;
	bool ok;

	if (addr)
		munmap(addr, memory->len);
	if (!mr)
		return false;
	copy = malloc(CHUNK);
	fill(copy, CHUNK);
	memcpy(rdma.buf, copy, CHUNK);
	ok = !connect_pairs() && move(IBV_WR_RDMA_WRITE, mr, addr + at);
	memset(rdma.buf, 0, CHUNK);
	ok = ok && move(IBV_WR_RDMA_READ, mr, addr + at) && !memcmp(rdma.buf, copy, CHUNK);
	disconnect();
	ok &= !ibv_dereg_mr(mr);
	/* a device has it in another mapping as well */
	addr = ok && is_device(memory) ? map_memory(memory) : NULL;
	if (addr) {
		ok = !memcmp(addr + at, copy, CHUNK);
		munmap(addr, memory->len);
	}
	free(copy);
	return ok;
}

/* From the middle of the first page to the middle of the last. */
static bool registers_repeatedly(struct memory *memory)
{
	char *addr = map_memory(memory);
	size_t half = memory->align / 2;
	struct ibv_mr *mr;
	int i;

	if (!addr)
		return false;
	for (i = 0; i < REPEATS; i++) {
		mr = reg(memory, addr + half, memory->len - 2 * half);
		if (!mr || ibv_dereg_mr(mr))
			break;
	}
	munmap(addr, memory->len);
	return i == REPEATS;
}

static long pins_acquired(void)
{
	return file_counter("/proc/vmstat", "nr_foll_pin_acquired");
}

static long pins_held(void)
{
	/* what each CPU has not added to the counters yet */
	if (file_write("/proc/sys/vm/stat_refresh", "1"))
		note("%s", device_error());
	return pins_acquired() - file_counter("/proc/vmstat", "nr_foll_pin_released");
}

static void memory_result(bool ok, const struct memory *memory, int test)
{
	result(ok, "%s: %s", memory->kind, names[test]);
}

/* @held: pins that existed before this test. Returns whether no other pin is left. */
static bool test_memory(struct memory *memory, long held)
{
	char *addr = map_memory(memory);
	/* the counters are exact only right after pins_held() */
	long left = pins_held(), before = pins_acquired();
	struct ibv_mr *mr = addr ? reg(memory, addr, memory->len) : NULL;
	bool connected = mr && !connect_pairs();

	memory_result(mr && pins_held() - held == (long)(memory->len / BASE_PAGE), memory,
		      REGISTERS);
	memory_result(connected && writes(memory, addr, mr), memory, WRITES);
	memory_result(connected && reads(memory, addr, mr), memory, READS);
	disconnect();
	if (mr)
		ibv_dereg_mr(mr);
	if (addr)
		munmap(addr, memory->len);
	memory_result(outlives(memory), memory, OUTLIVES);
	memory_result(registers_repeatedly(memory), memory, REPEATEDLY);

	left = pins_held() - held;
	note("%s: %ld pins, %ld not released", memory->kind, pins_acquired() - before, left);
	memory_result(pins_acquired() > before && !left, memory, RELEASES);
	return !left;
}

/* Have the near side write across pages, and keep what it wrote in its buffer. */
static bool write_once(struct memory *memory)
{
	char *addr = map_memory(memory);
	struct ibv_mr *mr = addr ? reg(memory, addr, memory->len) : NULL;
	bool ok;

	fill(rdma.buf, CHUNK);
	ok = mr && !connect_pairs() && move(IBV_WR_RDMA_WRITE, mr, addr + place(memory, 2));
	disconnect();
	if (mr)
		ibv_dereg_mr(mr);
	if (addr)
		munmap(addr, memory->len);
	return ok;
}

static bool test_device(struct memory *memory, long held)
{
	bool released = test_memory(memory, held), ok = write_once(memory);
	char *addr;

	/* with a pin left, unbind would wait for ever */
	if (!released || device_unbind(&dev)) {
		note("%s: %s", memory->kind, released ? device_error() : "not unbound");
		memory_result(false, memory, UNBINDS);
		memory_result(false, memory, KEEPS);
		return false;
	}
	memory_result(true, memory, UNBINDS);
	if (device_bind(&dev))
		note("%s: %s", memory->kind, device_error());
	addr = map_memory(memory);
	ok = ok && addr && !memcmp(addr + place(memory, 2), rdma.buf, CHUNK);
	memory_result(ok, memory, KEEPS);
	if (addr)
		munmap(addr, memory->len);
	return true;
}

/* ---- what it costs ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Medians, in nanoseconds. What is registered was touched before. */
static bool measure(struct memory *memory, double *reg_ns, double *dereg_ns)
{
	double regs[BENCH_REPEATS], deregs[BENCH_REPEATS], start;
	char *addr = map_memory(memory);
	struct ibv_mr *mr;
	size_t at;
	int i;

	if (!addr)
		return false;
	for (at = 0; at < memory->len; at += memory->align)
		*(volatile char *)(addr + at) = 1;
	for (i = 0; i < BENCH_REPEATS; i++) {
		start = now();
		mr = reg(memory, addr, memory->len);
		regs[i] = now() - start;
		if (!mr)
			break;
		start = now();
		if (ibv_dereg_mr(mr))
			break;
		deregs[i] = now() - start;
	}
	munmap(addr, memory->len);
	if (i < BENCH_REPEATS)
		return false;
	qsort(regs, BENCH_REPEATS, sizeof(*regs), compare);
	qsort(deregs, BENCH_REPEATS, sizeof(*deregs), compare);
	*reg_ns = regs[BENCH_REPEATS / 2];
	*dereg_ns = deregs[BENCH_REPEATS / 2];
	return true;
}

static void bench_row(const struct memory *memory, const char *metric, double ns)
{
	unsigned long pages = memory->len / BASE_PAGE;

	printf("row\t%s\t%s\tinstructions/page\t%.3f\t%lu\n", memory->row, metric,
	       ns / pages, pages);
}

static bool bench(struct memory *memory)
{
	double reg_ns, dereg_ns;
	bool ok = measure(memory, &reg_ns, &dereg_ns);

	if (ok) {
		note("rdma %s reg %.0f dereg %.0f", memory->kind, reg_ns, dereg_ns);
		bench_row(memory, "rdma_reg", reg_ns);
		bench_row(memory, "rdma_dereg", dereg_ns);
	}
	return result(ok, "measured: RDMA %s", memory->kind);
}

/* All tests of one kind of memory fail, under their names. */
static void fail_memory(struct memory *memory, bool benching, const char *why)
{
	int test, tests = is_device(memory) ? DEVICE_TESTS : MEMORY_TESTS;

	note("%s: %s", memory->kind, why);
	for (test = 0; test < tests && !benching; test++)
		memory_result(false, memory, test);
	if (benching)
		result(false, "measured: RDMA %s", memory->kind);
}

int main(int argc, char **argv)
{
	bool benching = argc && !strcmp(argv[0], "rdma-bench"), usable;
	long held;
	size_t i;

	plan(benching ? KINDS : NOT_DEVICES * MEMORY_TESTS +
	     (KINDS - NOT_DEVICES) * DEVICE_TESTS);
	usable = !set_up_rdma();
	held = pins_held();
	if (static_setup())
		note("%s", device_error());
	for (i = 0; i < KINDS; i++) {
		struct memory *memory = &memories[i];

		if (!usable) {
			fail_memory(memory, benching, "there is no RDMA, or a pin was left");
			continue;
		}
		if (get_memory(memory, benching ? GIB : memory->len)) {
			fail_memory(memory, benching, device_error());
			continue;
		}
		/* with a pin left, giving the device back would wait for ever */
		if (benching)
			usable = bench(memory);
		else if (is_device(memory))
			usable = test_device(memory, held);
		else
			usable = test_memory(memory, held);
		if (usable)
			put_memory(memory);
	}
	return failures() != 0;
}
