using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// aardvark-dns, which answers containers' questions for each other's names, at the machine's address of each network. It reads a
/// file for each network, again at SIGHUP, and ends when there is none. Whoever calls this is alone.
/// </summary>
public sealed class NameService(RuntimeOptions options, string directory)
{
    private string PidFile => Path.Combine(directory, "aardvark.pid");

    /// <summary>Tells who is in a network; with nobody in it, it is not served.</summary>
    /// <param name="bridge">The network.</param>
    /// <param name="entries">Identifiers, addresses and names of its containers, and the name servers that each asks for other names.</param>
    /// <returns>Whether anybody is in it.</returns>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: there is no such program here.</exception>
    public bool Update(BridgeDefinition bridge, IReadOnlyCollection<NameEntry> entries)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, bridge.Interface);
        if (entries.Count == 0)
        {
            File.Delete(path);
        }
        else
        {
            StringBuilder text = new();
            text.Append(bridge.Gateway).Append('\n');
            foreach (NameEntry entry in entries)
            {
                text.Append(CultureInfo.InvariantCulture, $"{entry.Id} {entry.Address}  {string.Join(',', entry.Names)}");
                text.Append(entry.Servers.IsEmpty ? "\n" : $" {string.Join(',', entry.Servers)}\n");
            }

            string temporary = Path.Combine(Path.GetDirectoryName(directory)!, $".{bridge.Interface}.new");
            File.WriteAllText(temporary, text.ToString());
            File.Move(temporary, path, overwrite: true);
        }

        if (ContainerFiles.ReadNumber(PidFile) is { } process && IsServer(process))
        {
            Signals.Send(process, 1 /* SIGHUP */);
        }
        else if (entries.Count > 0)
        {
            Start();
        }

        return entries.Count > 0;
    }

    private static bool IsServer(int process)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/comm");
        return File.Exists(path) && File.ReadAllText(path).StartsWith("aardvark-dns", StringComparison.Ordinal);
    }

    private void Start()
    {
        string program = options.FindProgram("aardvark-dns") ?? throw new MicaException(
            ErrorKind.Unsupported, "aardvark-dns is missing, by which containers find each other's names: apt-get install aardvark-dns");
        ImmutableArray<string> words = [program, "--config", directory, "--port", "53", "run"];
        using ChildProcess child = ChildProcess.Start(new ChildCommand(program, words, [$"PATH={string.Join(':', options.ProgramDirectories)}"]) { IsSilent = true });
        if (child.Wait() != 0)
        {
            throw new MicaException(ErrorKind.Failed, "aardvark-dns could not be started: is port 53 of the network's gateway in use?");
        }
    }
}

/// <summary>A container as others find it.</summary>
public sealed record NameEntry(string Id, IPAddress Address, ImmutableArray<string> Names, ImmutableArray<string> Servers);
