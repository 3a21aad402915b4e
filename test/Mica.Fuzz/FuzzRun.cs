using System.Diagnostics;

namespace Mica.Fuzz;

/// <summary>
/// Runs a target on inputs, on a thread of its own that a watchdog looks after, and saves each input that shows a new problem.
/// </summary>
internal sealed class FuzzRun : IDisposable
{
    /// <summary>The processor time that one input may take; and the time by the clock, for what waits and does nothing.</summary>
    private static readonly TimeSpan s_busyLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_idleLimit = TimeSpan.FromSeconds(60);

    private readonly string _name;
    private readonly FuzzTarget _target;
    private readonly string _directory;
    private readonly HashSet<string> _known = [];
    private readonly FileStream _current;
    private byte[] _input = [];
    private long _done;

    /// <param name="name">What the command line calls the target.</param>
    /// <param name="target">The caller disposes it.</param>
    /// <param name="directory">Where failing inputs go; made when it is not there.</param>
    public FuzzRun(string name, FuzzTarget target, string directory)
    {
        _name = name;
        _target = target;
        _directory = directory;
        Directory.CreateDirectory(directory);
        _current = new FileStream(Path.Combine(directory, $"{name}.current"), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
    }

    /// <summary>
    /// The file with the input that is running. It stays behind when the process dies of it, as of a stack that is too deep, which
    /// nothing can catch.
    /// </summary>
    public string CurrentFile => _current.Name;

    /// <summary>Inputs that were run.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Problems that were found, each counted once.</summary>
    public int Problems { get; private set; }

    /// <summary>Runs the inputs; false when one of them does not come to an end, and this process had better do.</summary>
    public bool Run(IEnumerable<byte[]> inputs)
    {
        var worker = new Thread(() =>
        {
            foreach (byte[] input in inputs)
            {
                RunOne(input);
            }
        })
        { IsBackground = true, Name = "fuzz" };
        worker.Start();
        return Watch(worker);
    }

    public void Dispose()
    {
        _current.Dispose();
        File.Delete(CurrentFile);
    }

    private void RunOne(byte[] input)
    {
        _input = input;
        RandomAccess.Write(_current.SafeFileHandle, input, 0);
        RandomAccess.SetLength(_current.SafeFileHandle, input.Length);
        if (FuzzCase.Judge(_target, input) is { } problem && _known.Add(PlaceOf(problem)))
        {
            Save(input, problem.ToString());
        }

        Interlocked.Increment(ref _done);
    }

    private bool Watch(Thread worker)
    {
        long last = -1;
        TimeSpan busySince = default;
        var idle = Stopwatch.StartNew();
        while (!worker.Join(TimeSpan.FromMilliseconds(200)))
        {
            long done = Done;
            TimeSpan busy = Environment.CpuUsage.TotalTime;
            if (done != last)
            {
                last = done;
                busySince = busy;
                idle.Restart();
            }
            else if (busy - busySince > s_busyLimit || idle.Elapsed > s_idleLimit)
            {
                Save(_input, $"it takes more than {(busy - busySince > s_busyLimit ? s_busyLimit : s_idleLimit).TotalSeconds} s");
                return false;
            }
        }

        return true;
    }

    private void Save(byte[] input, string problem)
    {
        Problems++;
        string path = Path.Combine(_directory, $"{_name}-{Oci.Digest.Of(input).Short}");
        File.WriteAllBytes(path, input);
        Console.Error.WriteLine($"{problem}\nsaved; to run it again: dotnet run --project test/Mica.Fuzz -- {_name} {path}\n");
    }

    /// <summary>The exception and where in our code it came from: the same again is no news.</summary>
    private static string PlaceOf(Exception problem)
    {
        string[] lines = problem.ToString().Split('\n');
        string place = lines.FirstOrDefault(line => line.Contains("   at Mica.", StringComparison.Ordinal) && !line.Contains(nameof(FuzzFailure), StringComparison.Ordinal)) ?? lines[0];
        return $"{problem.GetType().Name} {place}";
    }
}
