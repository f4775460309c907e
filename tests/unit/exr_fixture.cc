/* Written by the library, as others write them; a failure ends the program. */
#include <ImfChannelList.h>
#include <ImfDeepFrameBuffer.h>
#include <ImfDeepScanLineOutputPart.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfMultiPartOutputFile.h>
#include <ImfOutputPart.h>
#include <ImfPartType.h>
#include <ImfStandardAttributes.h>
#include <ImfTiledOutputPart.h>
#include <cmath>
#include <limits>
#include <string>
#include <vector>
#include "exr_fixture.h"

const char *const exr_compressions[] = { "NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB" };
const guint n_exr_compressions = G_N_ELEMENTS(exr_compressions);

namespace
{

std::vector<std::string> names_of(const exr_shape &s)
{
	std::vector<std::string> names = s.is_luminance ? std::vector<std::string>{ "Y", "RY", "BY" }
					 : s.is_grey	? std::vector<std::string>{ "Y" }
							: std::vector<std::string>{ "R", "G", "B", "A" };
	if (s.has_layers)
		names = { "View.Combined.R", "View.Combined.G", "View.Combined.B", "View.Combined.A",
			  "View.Depth.Z",    "View.Normal.X",	"View.Normal.Y",   "View.Normal.Z" };
	return names;
}

bool is_subsampled(const std::string &name)
{
	return name == "RY" || name == "BY";
}

Imf::Header header_of(const exr_shape &s, guint part)
{
	Imf::Header h((int)s.width, (int)s.height);
	if (s.is_cropped)
		h.dataWindow().max.x--;
	h.compression() = (Imf::Compression)s.compression;
	if (s.has_lines_from_below)
		h.lineOrder() = Imf::DECREASING_Y;
	for (const std::string &name : names_of(s)) {
		const int step = is_subsampled(name) ? 2 : 1;
		h.channels().insert(name, Imf::Channel(s.is_float ? Imf::FLOAT : Imf::HALF, step, step));
	}
	static const Imf::LevelMode modes[] = { Imf::ONE_LEVEL, Imf::ONE_LEVEL, Imf::MIPMAP_LEVELS, Imf::RIPMAP_LEVELS };
	if (s.tiles != EXR_LINES)
		h.setTileDescription(Imf::TileDescription(16, 8, modes[s.tiles]));
	h.setName("part" + std::to_string(part));
	h.setType(s.is_deep ? Imf::DEEPSCANLINE : s.tiles == EXR_LINES ? Imf::SCANLINEIMAGE : Imf::TILEDIMAGE);
	return h;
}

/* Smooth with a little grain, so that each compression makes it smaller. */
float value_of(const exr_shape &s, const std::string &name, int x, int y)
{
	const bool is_alpha = name.back() == 'A', is_layer = s.has_layers && name.find("Combined") == std::string::npos;
	if (s.pattern == EXR_NAN && x == 5 && y == 6 && name.back() == 'G')
		return std::numeric_limits<float>::quiet_NaN();
	if (s.pattern == EXR_NAN_IN_LAYER && x == 5 && y == 6 && name.back() == 'Z')
		return std::numeric_limits<float>::infinity();
	if (s.pattern == EXR_BLACK && !is_layer)
		return is_alpha ? (float)(x % 8) / 8 : 0;
	if (s.pattern == EXR_GREY && !is_layer)
		return 0.25f;
	return std::floor((float)(x * 2 + y * 3)) / 64 + (float)((x * 7 + y * 13) % 5) / 256;
}

struct planes {
	std::vector<std::vector<float>> samples;
	Imf::FrameBuffer frame;

	planes(const exr_shape &s, int width, int height)
	{
		const auto names = names_of(s);
		samples.resize(names.size());
		for (size_t c = 0; c < names.size(); c++) {
			const int step = is_subsampled(names[c]) ? 2 : 1, w = width / step;
			for (int y = 0; y < height / step; y++)
				for (int x = 0; x < w; x++)
					samples[c].push_back(value_of(s, names[c], x, y));
			frame.insert(names[c], Imf::Slice(Imf::FLOAT, (char *)samples[c].data(), 4, (size_t)w * 4, step, step));
		}
	}
};

/* The library converts nothing when it writes: half samples must come as half. */
struct halves {
	std::vector<std::vector<half>> samples;
	Imf::FrameBuffer frame;

	halves(const exr_shape &s, const planes &from, int width)
	{
		const auto names = names_of(s);
		samples.resize(names.size());
		for (size_t c = 0; c < names.size(); c++) {
			const int step = is_subsampled(names[c]) ? 2 : 1, w = width / step;
			samples[c].assign(from.samples[c].begin(), from.samples[c].end());
			frame.insert(names[c], Imf::Slice(Imf::HALF, (char *)samples[c].data(), 2, (size_t)w * 2, step, step));
		}
	}
};

void write_tiles(Imf::MultiPartOutputFile &file, int part, const exr_shape &s)
{
	Imf::TiledOutputPart out(file, part);
	for (int ly = 0; ly < out.numYLevels(); ly++)
		for (int lx = 0; lx < out.numXLevels(); lx++) {
			if (!out.isValidLevel(lx, ly))
				continue;
			const planes p(s, out.levelWidth(lx), out.levelHeight(ly));
			const halves h(s, p, out.levelWidth(lx));
			out.setFrameBuffer(s.is_float ? p.frame : h.frame);
			out.writeTiles(0, out.numXTiles(lx) - 1, 0, out.numYTiles(ly) - 1, lx, ly);
		}
}

void write_lines(Imf::MultiPartOutputFile &file, int part, const exr_shape &s)
{
	const planes p(s, (int)s.width, (int)s.height);
	const halves h(s, p, (int)s.width);
	Imf::OutputPart out(file, part);
	out.setFrameBuffer(s.is_float ? p.frame : h.frame);
	out.writePixels((int)s.height);
}

void write_deep(Imf::MultiPartOutputFile &file, int part, const exr_shape &s)
{
	Imf::DeepScanLineOutputPart out(file, part);
	const auto names = names_of(s);
	std::vector<unsigned> counts((size_t)s.width * s.height, 1);
	std::vector<float> samples(counts.size(), 0.5f);
	std::vector<half> half_samples(counts.size(), half(0.5f));
	std::vector<void *> pointers;
	for (size_t i = 0; i < counts.size(); i++)
		pointers.push_back(s.is_float ? (void *)&samples[i] : (void *)&half_samples[i]);
	Imf::DeepFrameBuffer frame;
	frame.insertSampleCountSlice(Imf::Slice(Imf::UINT, (char *)counts.data(), 4, (size_t)s.width * 4));
	for (const std::string &name : names)
		frame.insert(name, Imf::DeepSlice(s.is_float ? Imf::FLOAT : Imf::HALF, (char *)pointers.data(), sizeof(void *),
						  s.width * sizeof(void *), s.is_float ? 4 : 2));
	out.setFrameBuffer(frame);
	out.writePixels((int)s.height);
}

}

extern "C" void exr_write(const char *path, const struct exr_shape *s)
{
	std::vector<Imf::Header> headers;
	for (guint part = 0; part < s->n_parts; part++)
		headers.push_back(header_of(*s, part));
	Imf::MultiPartOutputFile file(path, headers.data(), (int)headers.size());
	for (int part = 0; part < (int)s->n_parts; part++)
		if (s->is_deep)
			write_deep(file, part, *s);
		else if (s->tiles != EXR_LINES)
			write_tiles(file, part, *s);
		else
			write_lines(file, part, *s);
}
