using System.Collections.Immutable;
using Mica.Oci;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mica.RegistryServer.Configuration;

/// <summary>From YAML, of which JSON is a part, to <see cref="ConfigurationNode"/>s.</summary>
internal static class ConfigurationDocument
{
    private const long MaxSize = 1 << 20;
    private const int MaxNodes = 50_000;
    private const int MaxDepth = 24;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the file cannot be read, or is no YAML.</exception>
    public static ConfigurationNode? Load(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxSize)
            {
                throw Failure(path, $"the file has more than {MaxSize} bytes");
            }

            using var text = new StreamReader(file);
            return Parse(text, line => $"{path}:{line}");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MicaException(ErrorKind.NotFound, $"{path}: there is no such file", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, Printable.Of(error.Message));
        }
    }

    /// <summary>The one document of a text; null when it is empty.</summary>
    /// <param name="text">YAML or JSON.</param>
    /// <param name="locate">What to call a line.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not YAML, or a key twice.</exception>
    public static ConfigurationNode? Parse(TextReader text, Func<long, string> locate)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(text);
        }
        catch (YamlException error)
        {
            throw Failure(locate(error.Start.Line), Printable.Of(error.Message));
        }
        catch (InvalidOperationException error)
        {
            throw Failure(locate(1), Printable.Of(error.Message));
        }

        if (stream.Documents.Count > 1)
        {
            throw Failure(locate(stream.Documents[1].RootNode.Start.Line), "a second document; there may be one");
        }

        int left = MaxNodes;
        return stream.Documents.Count == 0 ? null : Convert(stream.Documents[0].RootNode, locate, depth: 0, ref left);
    }

    private static ConfigurationNode Convert(YamlNode node, Func<long, string> locate, int depth, ref int left)
    {
        string location = locate(node.Start.Line);

        // A name for a list of names for lists … is a short text and a large tree.
        if (--left < 0 || depth > MaxDepth)
        {
            throw Failure(location, "the configuration is too large or too deep");
        }

        switch (node)
        {
            case YamlScalarNode scalar:
                return new ScalarNode(
                    location, scalar.Value ?? "", scalar.Style is ScalarStyle.Plain or ScalarStyle.Any ? ScalarForm.Plain : ScalarForm.Quoted);
            case YamlSequenceNode sequence:
                ImmutableArray<ConfigurationNode>.Builder items = ImmutableArray.CreateBuilder<ConfigurationNode>();
                foreach (YamlNode item in sequence.Children)
                {
                    items.Add(Convert(item, locate, depth + 1, ref left));
                }

                return new ListNode(location, items.ToImmutable());
            case YamlMappingNode mapping:
                ImmutableArray<MapEntry>.Builder entries = ImmutableArray.CreateBuilder<MapEntry>();
                foreach ((YamlNode key, YamlNode value) in mapping.Children)
                {
                    string name = key is YamlScalarNode { Value: { } word } ? word : throw Failure(locate(key.Start.Line), "a key has to be a word");
                    entries.Add(new MapEntry(locate(key.Start.Line), name, Convert(value, locate, depth + 1, ref left)));
                }

                return new MapNode(location, entries.ToImmutable());
            default:
                throw Failure(location, "neither a value, a list nor a mapping");
        }
    }

    private static MicaException Failure(string location, string message) => new(ErrorKind.InvalidArgument, $"{location}: {message}");
}
