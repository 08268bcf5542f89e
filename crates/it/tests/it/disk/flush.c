/* A disk between the program and its files: what is written is on it only after a flush that went well.
 *
 * Beside every file F.db and F.db-wal stands F....disk, which holds what a machine whose power goes would find there. The file
 * FLUSH_FAULT says which flushes fail with EIO: "lost db-wal" drops what they should have brought to the disk, as Linux does,
 * which takes the pages for clean and says so the next time; "kept db-wal" brings it there all the same. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES_MAX 16

/* What was written since the last flush: bytes at a place, or a new length where there are none. */
struct piece {
    struct piece *next;
    off64_t at;
    size_t length;
    int is_cut;
    char bytes[];
};

struct file {
    char path[PATH_MAX];
    int disk;
    struct piece *first, **last;
};

static struct file files[FILES_MAX];
static int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void broken(const char *what) {
    perror(what);
    abort();
}

static int ends(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The file that a descriptor is open on, if it is one of the database's; the mutex is held. */
static struct file *find(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 6);
    if (length < 0) return NULL;
    path[length] = 0;
    if (!ends(path, ".db") && !ends(path, ".db-wal")) return NULL;
    for (int i = 0; i < count; i++)
        if (strcmp(files[i].path, path) == 0) return &files[i];
    if (count == FILES_MAX) broken("too many files");
    struct file *file = &files[count++];
    strcpy(file->path, path);
    file->last = &file->first;
    strcat(path, ".disk");
    file->disk = open64(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file->disk < 0) broken(path);
    /* What is there when it is first touched has been there for long. */
    char bytes[65536];
    ssize_t got;
    off64_t at = 0;
    int from = open64(file->path, O_RDONLY | O_CLOEXEC);
    while ((got = read(from, bytes, sizeof bytes)) > 0) {
        if (REAL(pwrite64)(file->disk, bytes, got, at) != got) broken(path);
        at += got;
    }
    close(from);
    return file;
}

static void remember(struct file *file, off64_t at, const void *bytes, size_t length, int is_cut) {
    struct piece *piece = malloc(sizeof *piece + length);
    if (!piece) broken("memory");
    *piece = (struct piece){.at = at, .length = length, .is_cut = is_cut};
    if (length) memcpy(piece->bytes, bytes, length);
    *file->last = piece;
    file->last = &piece->next;
}

static void settle(struct file *file, int arrives) {
    while (file->first) {
        struct piece *piece = file->first;
        file->first = piece->next;
        if (arrives && piece->is_cut && REAL(ftruncate64)(file->disk, piece->at)) broken(file->path);
        if (arrives && piece->length
            && REAL(pwrite64)(file->disk, piece->bytes, piece->length, piece->at) != (ssize_t)piece->length)
            broken(file->path);
        free(piece);
    }
    file->last = &file->first;
}

/* How the flush of a file is to fail: 'l' (lost), 'k' (kept), or not at all. */
static char fault_of(const struct file *file) {
    char how[16] = "", which[16] = "";
    FILE *fault = fopen(getenv("FLUSH_FAULT"), "re");
    if (!fault) return 0;
    int words = fscanf(fault, "%15s %15s", how, which);
    fclose(fault);
    const char *dot = strrchr(file->path, '.');
    return words == 2 && strcmp(dot + 1, which) == 0 ? how[0] : 0;
}

/* Remembers what was written; the mutex is held. */
static ssize_t put(struct file *file, off64_t at, const void *bytes, ssize_t written) {
    int kept = errno;
    if (file && written > 0) remember(file, at, bytes, written, 0);
    errno = kept;
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    pthread_mutex_lock(&mutex);
    struct file *file = find(fd);
    if (!file) {
        /* It may wait long for whoever reads. */
        pthread_mutex_unlock(&mutex);
        return REAL(write)(fd, bytes, length);
    }
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    ssize_t written = put(file, at, bytes, REAL(write)(fd, bytes, length));
    pthread_mutex_unlock(&mutex);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    pthread_mutex_lock(&mutex);
    struct file *file = find(fd);
    ssize_t written = put(file, at, bytes, REAL(pwrite64)(fd, bytes, length, at));
    pthread_mutex_unlock(&mutex);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return pwrite64(fd, bytes, length, at);
}

int ftruncate64(int fd, off64_t length) {
    pthread_mutex_lock(&mutex);
    struct file *file = find(fd);
    int result = REAL(ftruncate64)(fd, length);
    if (file && result == 0) remember(file, length, NULL, 0, 1);
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate(int fd, off_t length) {
    return ftruncate64(fd, length);
}

static int flush(int fd) {
    pthread_mutex_lock(&mutex);
    struct file *file = find(fd);
    char fault = file ? fault_of(file) : 0;
    if (file) settle(file, fault != 'l');
    pthread_mutex_unlock(&mutex);
    if (!fault) return 0;
    errno = EIO;
    return -1;
}

int fsync(int fd) {
    return flush(fd);
}

int fdatasync(int fd) {
    return flush(fd);
}
